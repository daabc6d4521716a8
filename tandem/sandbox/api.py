"""The API server without I/O: `handle` takes a request and gives an answer, at once.

A watch is the one answer that goes on; it waits on the event loop, so a virtual one carries it too.
Never raises for a bad request: every refusal is a `Status` body.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from kube.transport import Request, Response, Stream
from tandem.sandbox import deleting, reading, watching
from tandem.sandbox.answers import (
    json_answer,
    object_answer,
    refusal,
    stream_answer,
    success,
    text_answer,
)
from tandem.sandbox.decoding import decode_object, media_type, metadata_of
from tandem.sandbox.discovery import discover
from tandem.sandbox.forms import Form, list_bytes, negotiate, object_bytes
from tandem.sandbox.managed import writer_of
from tandem.sandbox.options import check_options
from tandem.sandbox.patching import APPLY, patch
from tandem.sandbox.pod_metrics import measured
from tandem.sandbox.reactions import react
from tandem.sandbox.registry import Registry
from tandem.sandbox.routing import Target, parse
from tandem.sandbox.state import Call, Randomness, State
from tandem.sandbox.status import (
    ApiError,
    Json,
    bad_request,
    method_not_allowed,
    no_such_resource,
)
from tandem.sandbox.store import Store, Stored
from tandem.sandbox.subresources import HANDLERS, creates_only
from tandem.sandbox.writing import create, update

_MAX_BODY = 3 * 1024 * 1024


class Api:
    def __init__(
        self, now: Callable[[], datetime], rng: Randomness, *, window: int = 10_000
    ) -> None:
        self.state = State(Store(window=window), Registry(), now, rng)

    def handle(self, request: Request) -> Response | Stream:
        try:
            return self._answer(request)
        except ApiError as error:
            return refusal(error)
        except RecursionError:
            return refusal(bad_request("the request is nested too deeply"))

    def _answer(self, request: Request) -> Response | Stream:
        found = measured(self.state, request) or discover(self.state, request)
        if found is not None:
            return found
        target = parse(request.path)
        if target is None or not _known_version(self.state, target):
            return text_answer("404 page not found\n", 404)
        call = self._route(request, target)
        check_options(request.method, request.query)
        if len(request.body or b"") > _MAX_BODY:
            message = f"Request entity too large: limit is {_MAX_BODY}"
            raise ApiError(413, "RequestEntityTooLarge", message)
        if call.sub and call.sub != "status":
            return self._subresource(call)
        if call.sub and request.method not in {"GET", "PUT", "PATCH"}:
            raise method_not_allowed()
        handler = self._METHODS.get((request.method, bool(call.name)))
        if handler is None or not _allows(call):
            raise method_not_allowed()
        return handler(self, call)

    def _route(self, request: Request, target: Target) -> Call:
        served = self.state.registry.find(target.group, target.version, target.plural)
        if served is None:
            raise no_such_resource()
        kind = served.kind
        if target.sub and target.sub not in kind.subs:
            raise no_such_resource()
        if not kind.namespaced and target.namespace:
            raise no_such_resource()
        if kind.namespaced and target.name and not target.namespace:
            raise no_such_resource()
        return Call(request, served, target.namespace, target.name, target.sub)

    def _subresource(self, call: Call) -> Response:
        handler = HANDLERS.get((call.sub, call.request.method))
        if handler is None:
            raise method_not_allowed()
        return handler(self.state, call)

    def _get(self, call: Call) -> Response | Stream:
        if watching.is_true(call.query.get("watch")):
            return self._watch(call)
        form = self._form(call)
        stored = reading.get(self.state, call)
        return object_answer(object_bytes(self.state, call.served, stored, form), form)

    def _list(self, call: Call) -> Response | Stream:
        if watching.is_true(call.query.get("watch")):
            return self._watch(call)
        form = self._form(call)
        page = reading.list_page(self.state, call)
        body = list_bytes(self.state, call.served, page.items, form, page.metadata)
        return object_answer(body, form)

    def _watch(self, call: Call) -> Stream:
        watch = watching.start(self.state, call, self._form(call))
        return stream_answer(watch.lines())

    def _create(self, call: Call) -> Response:
        form = self._form(call)
        if creates_only(call.served):
            return HANDLERS[call.served.kind.plural, "POST"](self.state, call)
        if call.served.kind.namespaced and not call.namespace:
            raise method_not_allowed()
        stored = create(self.state, call, decode_object(call), writer_of(call))
        return self._written(call, stored, form, 201)

    def _update(self, call: Call) -> Response:
        form = self._form(call)
        obj = decode_object(call)
        old = self.state.store.get(call.served.kind.storage, call.key)
        if old is None and call.served.strategy.create_on_update and not call.sub:
            return self._written(call, create(self.state, call, obj, writer_of(call)), form, 201)
        if old is None:
            _check_name(call, obj)
            old = reading.get(self.state, call)
        stored = update(self.state, call, obj, old, writer_of(call))
        return self._written(call, stored, form)

    def _patch(self, call: Call) -> Response:
        form = self._form(call)
        applies = media_type(call.request.content_type) == APPLY
        old = self.state.store.get(call.served.kind.storage, call.key)
        if old is None and (not applies or call.sub):
            old = reading.get(self.state, call)
        stored, created = patch(self.state, call, old, writer_of(call, applies=applies))
        return self._written(call, stored, form, 201 if created else 200)

    def _written(self, call: Call, stored: Stored, form: Form, status: int = 200) -> Response:
        body = object_bytes(self.state, call.served, stored, form)
        if not call.dry_run:
            react(self.state, call.served, stored)
        return object_answer(body, form, status, call.warnings)

    def _delete(self, call: Call) -> Response:
        form = self._form(call)
        options = deleting.read_options(call)
        stored = reading.get(self.state, call)
        done = deleting.delete(self.state, call, stored, options)
        if not options.dry_run:
            react(self.state, call.served, done.stored)
        if done.gone and not call.served.strategy.returns_deleted:
            metadata = done.stored.obj["metadata"]
            return json_answer(success(call.served.kind, metadata["name"], metadata["uid"]))
        return object_answer(object_bytes(self.state, call.served, done.stored, form), form)

    def _delete_collection(self, call: Call) -> Response:
        if "deletecollection" not in call.served.kind.verbs:
            raise method_not_allowed()
        form = self._form(call)
        options = deleting.read_options(call)
        page = reading.list_page(self.state, call)
        for stored in page.items:
            metadata = stored.obj["metadata"]
            one = Call(call.request, call.served, metadata.get("namespace", ""), metadata["name"])
            done = deleting.delete(self.state, one, stored, options)
            if not options.dry_run:
                react(self.state, call.served, done.stored)
        body = list_bytes(self.state, call.served, page.items, form, page.metadata)
        return object_answer(body, form)

    def _form(self, call: Call) -> Form:
        return negotiate(call.request.accept, call.query)

    _METHODS: ClassVar[dict[tuple[str, bool], Callable[[Api, Call], Response | Stream]]] = {
        ("GET", True): _get,
        ("GET", False): _list,
        ("POST", False): _create,
        ("PUT", True): _update,
        ("PATCH", True): _patch,
        ("DELETE", True): _delete,
        ("DELETE", False): _delete_collection,
    }


def _known_version(state: State, target: Target) -> bool:
    return state.registry.serves(target.group, target.version)


_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def _allows(call: Call) -> bool:
    return _VERBS[call.request.method] in call.served.kind.verbs


def _check_name(call: Call, obj: Json) -> None:
    name = metadata_of(obj).get("name", "")
    if name != call.name:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({call.name})"
        )
