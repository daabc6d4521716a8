"""Refusals: every one is a Status with code and reason that a client can act on."""

from __future__ import annotations

from tests.contract.http import Api
from tests.contract.places import Space, config_map, container, pod, workload


async def test_not_found_names_group_kind_and_name(api: Api, space: Space) -> None:
    body = (await api.get(space("deployments", "a"))).refused(404, "NotFound")

    assert body["message"] == 'deployments.apps "a" not found'
    assert body["details"] == {"name": "a", "group": "apps", "kind": "deployments"}
    assert body["metadata"] == {}


async def test_an_unknown_path_is_404(api: Api) -> None:
    assert (await api.get("/apis/nowhere.tandem/v1/things")).status == 404


async def test_an_unknown_subresource_is_404(api: Api, space: Space) -> None:
    (await api.post(space("pods"), pod("a"))).ok()

    assert (await api.get(space("pods", "a", "nonsense"))).status == 404


async def test_a_verb_that_is_not_served_is_405(api: Api, space: Space) -> None:
    (await api.post(space("pods", "a"), pod("a"))).refused(405, "MethodNotAllowed")


async def test_a_body_that_is_no_json_is_400(api: Api, space: Space) -> None:
    (await api.post(space("configmaps"), b"{nonsense")).refused(400, "BadRequest")


async def test_a_body_of_the_wrong_kind_is_400(api: Api, space: Space) -> None:
    body = {"apiVersion": "v1", "kind": "Secret"} | config_map("a")

    found = (await api.post(space("configmaps"), body)).refused(400, "BadRequest")

    assert "Secret" in found["message"]


async def test_a_body_of_the_wrong_group_is_400(api: Api, space: Space) -> None:
    body = {"apiVersion": "v2", "kind": "ConfigMap"} | config_map("a")

    (await api.post(space("configmaps"), body)).refused(400, "BadRequest")


async def test_a_field_of_the_wrong_type_is_400(api: Api, space: Space) -> None:
    body = workload("a", 1)
    body["spec"]["replicas"] = "three"

    answer = await api.post(space("deployments"), body)

    assert "replicas" in answer.refused(400, "BadRequest")["message"]


async def test_an_unknown_content_type_is_415(api: Api, space: Space) -> None:
    content = {"Content-Type": "text/plain"}
    answer = await api.send("POST", space("configmaps"), config_map("a"), headers=content)

    answer.refused(415, "UnsupportedMediaType")


async def test_an_unacceptable_answer_type_is_406(api: Api, space: Space) -> None:
    answer = await api.get(space("configmaps"), accept="text/csv")

    assert answer.status == 406


async def test_strict_validation_names_the_unknown_field(api: Api, space: Space) -> None:
    body = workload("a", 1)
    body["spec"]["replica"] = 2

    answer = await api.post(space("deployments"), body, fieldValidation="Strict")

    assert 'unknown field "spec.replica"' in answer.refused(400, "BadRequest")["message"]


async def test_an_unknown_field_is_dropped_without_strict(api: Api, space: Space) -> None:
    body = workload("a", 1)
    body["spec"]["replica"] = 2

    created = (await api.post(space("deployments"), body, fieldValidation="Ignore")).ok()

    assert "replica" not in created["spec"]


async def test_invalid_tells_every_cause(api: Api, space: Space) -> None:
    body = workload("a", -1)
    body["spec"]["template"]["metadata"]["labels"] = {"app": "other"}

    found = (await api.post(space("deployments"), body)).refused(422, "Invalid")

    causes = {c["field"]: c["reason"] for c in found["details"]["causes"]}
    assert causes["spec.replicas"] == "FieldValueInvalid"
    assert causes["spec.template.metadata.labels"] == "FieldValueInvalid"
    assert found["details"]["group"] == "apps"
    assert found["details"]["kind"] == "Deployment"
    assert found["message"].startswith('Deployment.apps "a" is invalid: [spec.replicas: Invalid')


async def test_a_pod_needs_a_container_with_name_and_image(api: Api, space: Space) -> None:
    none = (await api.post(space("pods"), pod("a", containers=[]))).refused(422, "Invalid")
    nameless = await api.post(space("pods"), pod("a", containers=[{"image": "x"}]))

    assert none["details"]["causes"][0] == {
        "reason": "FieldValueRequired",
        "message": "Required value",
        "field": "spec.containers",
    }
    assert nameless.refused(422, "Invalid")["details"]["causes"][0]["field"] == (
        "spec.containers[0].name"
    )


async def test_a_quantity_must_be_a_quantity(api: Api, space: Space) -> None:
    heavy = container(resources={"requests": {"cpu": "lots"}})

    answer = await api.post(space("pods"), pod("a", containers=[heavy]))

    assert (
        "quantities must match the regular expression"
        in (answer.refused(400, "BadRequest")["message"])
    )


async def test_a_request_above_its_limit_is_invalid(api: Api, space: Space) -> None:
    greedy = container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})

    body = (await api.post(space("pods"), pod("a", containers=[greedy]))).refused(422, "Invalid")

    cause = body["details"]["causes"][0]
    assert cause["field"] == "spec.containers[0].resources.requests"
    assert cause["message"] == ('Invalid value: "2": must be less than or equal to cpu limit of 1')


async def test_the_selector_of_a_deployment_is_immutable(api: Api, space: Space) -> None:
    (await api.post(space("deployments"), workload("a", 1))).ok()
    labels = {"app": "b"}
    change = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}

    answer = await api.patch(space("deployments", "a"), {"spec": change})

    cause = answer.refused(422, "Invalid")["details"]["causes"][0]
    assert cause["field"] == "spec.selector"
    assert cause["message"].endswith("field is immutable")
