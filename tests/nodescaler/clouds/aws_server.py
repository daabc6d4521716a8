"""A server that answers as AWS does where moto does not, and passes everything else on to moto.

It speaks two wire formats. EC2's query XML is written from botocore's service model, so a record is
a dict with the model's member names and one that the model does not know is an error here. The
price list's JSON 1.1 carries texts, and its filters match as AWS's do. Long answers come in pages.
`test_aws_server.py` holds it to moto where moto has the call.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as Xml

import aiohttp
import botocore.session
from aiohttp import web

SESSION: Any = botocore.session  # untyped
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
PASSED_ON = ("Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Target")
CUT_OFF_S = 0.1
MOST = 1000  # records of a page when the client does not say
GET_PRODUCTS = "GetProducts"


@dataclass(slots=True)
class AwsServer:
    """What it answers; tests write here.

    Attributes:
        moto: URL of the server behind it.
        records: by the name of an EC2 call, what its answer's list holds; other calls are moto's.
        products: of the price list.
        refusals: by the name of a call, the status and error code it is answered with.
        held: by the name of a call, what must happen before it is answered.
        asked: names and arguments of all calls.
        arrived: set when all of `awaited` were asked.
    """

    moto: str
    records: dict[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    products: list[dict[str, Any]] = field(default_factory=list)
    refusals: dict[str, tuple[int, str]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    awaited: frozenset[str] = frozenset()
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    def arguments(self, action: str) -> list[dict[str, Any]]:
        return [given for name, given in self.asked if name == action]

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        target = request.headers.get("X-Amz-Target", "")
        if target:
            action, given = target.partition(".")[2], json.loads(body)
        else:
            given = dict(parse_qsl(body.decode()))
            action = given.get("Action", "")
        self.asked.append((action, given))
        if self.awaited <= {name for name, _ in self.asked}:
            self.arrived.set()
        if action in self.held:
            await self.held[action].wait()
        if action in self.refusals:
            status, code = self.refusals[action]
            return _refused_json(status, code) if target else _refused_xml(status, code)
        if action == GET_PRODUCTS:
            return _products(self.products, given)
        if action in self.records:
            return _records(action, self.records[action], given)
        return await self._passed_on(request, body)

    async def _passed_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.moto + request.path, data=body, headers=headers) as answer,
        ):
            return web.Response(
                body=await answer.read(), status=answer.status, content_type=answer.content_type
            )


@asynccontextmanager
async def aws_server(moto: str) -> AsyncIterator[AwsServer]:
    """Serve on a free port; at the end what a test has given up is cut off, not awaited."""
    server = AwsServer(moto)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=CUT_OFF_S)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


# ---------------------------------------------------------------- EC2: query in, XML out


@cache
def ec2_model() -> Any:
    return SESSION.get_session().get_service_model("ec2")


def _records(
    action: str, records: Sequence[Mapping[str, Any]], given: Mapping[str, str]
) -> web.Response:
    start, size = int(given.get("NextToken", 0)), int(given.get("MaxResults", MOST))
    page, following = records[start : start + size], start + size
    shape = ec2_model().operation_model(action).output_shape
    (key,) = (name for name, member in shape.members.items() if member.type_name == "list")
    answer: dict[str, Any] = {key: page}
    if following < len(records):
        answer["NextToken"] = str(following)
    root = Xml.Element(f"{action}Response", xmlns=NAMESPACE)
    Xml.SubElement(root, "requestId").text = "7a62c49f"
    _written(root, shape, answer)
    return web.Response(body=Xml.tostring(root), content_type="text/xml")


def _written(parent: Xml.Element, shape: Any, value: Any) -> None:
    """Put *value* into *parent* as the service model says it is written."""
    if shape.type_name == "structure":
        for name, each in value.items():
            member = shape.members[name]
            tag = member.serialization.get("name", name)
            _written(Xml.SubElement(parent, tag), member, each)
    elif shape.type_name == "list":
        for each in value:
            _written(Xml.SubElement(parent, "item"), shape.member, each)
    elif shape.type_name == "boolean":
        parent.text = "true" if value else "false"
    elif isinstance(value, datetime):
        parent.text = value.isoformat()
    else:
        parent.text = str(value)


def _refused_xml(status: int, code: str) -> web.Response:
    root = Xml.Element("Response")
    error = Xml.SubElement(Xml.SubElement(root, "Errors"), "Error")
    Xml.SubElement(error, "Code").text = code
    Xml.SubElement(error, "Message").text = f"User: {SECRET_OF_AWS} is not known"
    Xml.SubElement(root, "RequestID").text = "7a62c49f"
    return web.Response(body=Xml.tostring(root), status=status, content_type="text/xml")


# ---------------------------------------------------------------- the price list: JSON 1.1


SECRET_OF_AWS = "arn:aws:iam::123456789012:user/someone"
JSON_TYPE = "application/x-amz-json-1.1"


def product(name: str, usd: str, region: str = "us-east-1", **attributes: str) -> dict[str, Any]:
    """One entry of the price list: a shared Linux machine, where *attributes* do not differ."""
    usual = {
        "instanceType": name,
        "regionCode": region,
        "operatingSystem": "Linux",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "marketoption": "OnDemand",
        "tenancy": "Shared",
    } | attributes
    family = usual.pop("productFamily", "Compute Instance")
    sku = f"SKU{len(name)}"
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": usd}, "description": f"${usd} per {name}"}
    return {
        "product": {"productFamily": family, "attributes": usual, "sku": sku},
        "serviceCode": "AmazonEC2",
        "terms": {
            "OnDemand": {f"{sku}.JRTC": {"priceDimensions": {f"{sku}.JRTC.6YS6": dimension}}},
            "Reserved": {f"{sku}.4NA7": {"priceDimensions": {f"{sku}.4NA7.2TG2": dimension}}},
        },
        "version": "20261101000000",
    }


def _products(products: Iterable[dict[str, Any]], given: Mapping[str, Any]) -> web.Response:
    found = [json.dumps(each) for each in products if _matches(each, given["Filters"])]
    start, size = int(given.get("NextToken", 0)), int(given.get("MaxResults", 100))
    answer: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": found[start : start + size]}
    if start + size < len(found):
        answer["NextToken"] = str(start + size)
    return web.Response(text=json.dumps(answer), content_type=JSON_TYPE)


def _matches(entry: Mapping[str, Any], filters: Iterable[Mapping[str, str]]) -> bool:
    has = {**entry["product"]["attributes"], "productFamily": entry["product"]["productFamily"]}
    return all(has.get(each["Field"]) == each["Value"] for each in filters)


def _refused_json(status: int, code: str) -> web.Response:
    answer = {"__type": code, "Message": f"User: {SECRET_OF_AWS} is not authorized"}
    return web.Response(text=json.dumps(answer), status=status, content_type=JSON_TYPE)
