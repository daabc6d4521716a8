"""A service's address: given once, kept by updates that do not name it."""

from __future__ import annotations

from tests.sandbox.api.calls import MERGE, Calls, Json

SERVICES = "/api/v1/namespaces/default/services"


def service(**spec: object) -> Json:
    return {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]} | spec}


def test_an_address_is_given_and_kept() -> None:
    calls = Calls()
    address = calls.ok("POST", SERVICES, service())["spec"]["clusterIP"]

    replaced = calls.ok("PUT", f"{SERVICES}/a", service(selector={"app": "x"}))

    assert address.startswith("10.96.")
    assert replaced["spec"]["clusterIP"] == address


def test_an_address_cannot_be_changed() -> None:
    calls = Calls()
    calls.ok("POST", SERVICES, service())
    body = {"spec": {"clusterIP": "10.96.9.9"}}

    refused = calls.refused("PATCH", f"{SERVICES}/a", body, content_type=MERGE)

    assert refused["details"]["causes"][0]["field"] == "spec.clusterIPs[0]"


def test_a_headless_service_has_none() -> None:
    spec = Calls().ok("POST", SERVICES, service(clusterIP="None"))["spec"]

    assert spec["clusterIPs"] == ["None"]
    assert spec["ports"][0]["targetPort"] == 80
