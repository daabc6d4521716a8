"""The rules of the garbage collector, one a case."""

from __future__ import annotations

import pytest

from kube.client import Json
from kube.resources import CONFIG_MAPS
from tandem.sandbox.controllers.garbage import Owner, collect
from tandem.sandbox.controllers.plans import Change, Delete, Plan
from tandem.sandbox.controllers.things import Thing, thing


def found(name: str, *, owners: tuple[str, ...] = (), finalizer: str = "", **more: Json) -> Thing:
    references = [{"uid": uid, "name": uid, "blockOwnerDeletion": True} for uid in owners]
    metadata: Json = {"name": name, "namespace": "d", "uid": name, "ownerReferences": references}
    if finalizer:
        metadata["finalizers"] = [finalizer]
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return thing({"metadata": {**metadata, **more}})


def told(plan: Plan) -> list[str]:
    """Each action in a few words."""
    return [_told(each) for each in plan.actions]


def _told(action: object) -> str:
    if isinstance(action, Delete):
        return f"delete {action.name} {action.propagation}"
    assert isinstance(action, Change)
    changed = sorted(action.body["metadata"].keys() - {"uid", "resourceVersion"})
    return f"change {action.name} {' '.join(changed)}"


LEAF = found("leaf", owners=("it",))
SHARED = found("shared", owners=("it", "other"))


@pytest.mark.parametrize(
    ("subject", "owners", "dependents", "plan"),
    [
        pytest.param(found("it"), {}, (LEAF,), [], id="no owner, not leaving: stays"),
        pytest.param(found("it", owners=("o",)), {"o": Owner.THERE}, (), [], id="owner is there"),
        pytest.param(
            found("it", owners=("o",)),
            {"o": Owner.GONE},
            (LEAF,),
            ["delete it Background"],
            id="owner is gone: goes too",
        ),
        pytest.param(
            found("it", owners=("o", "p")),
            {"o": Owner.GONE, "p": Owner.THERE},
            (),
            ["change it ownerReferences"],
            id="one of two owners is gone: forgets it",
        ),
        pytest.param(
            found("it", owners=("o",)),
            {"o": Owner.WAITING},
            (LEAF,),
            ["delete it Foreground"],
            id="an owner that waits: goes after its own dependents",
        ),
        pytest.param(
            found("it", finalizer="foregroundDeletion"),
            {},
            (LEAF,),
            ["delete leaf Foreground"],
            id="foreground: dependents first",
        ),
        pytest.param(
            found("it", finalizer="foregroundDeletion"),
            {},
            (SHARED,),
            [],
            id="foreground: a shared dependent decides for itself",
        ),
        pytest.param(
            found("it", finalizer="foregroundDeletion"),
            {},
            (),
            ["change it finalizers"],
            id="foreground: nothing left, let go",
        ),
        pytest.param(
            found("it", finalizer="orphan"),
            {},
            (LEAF,),
            ["change leaf ownerReferences", "change it finalizers"],
            id="orphan: dependents forget it, then let go",
        ),
        pytest.param(
            found("it", finalizer="example.com/mine"),
            {},
            (LEAF,),
            [],
            id="a finalizer of somebody else's is not ours",
        ),
    ],
)
def test_collect(
    subject: Thing, owners: dict[str, Owner], dependents: tuple[Thing, ...], plan: list[str]
) -> None:
    children = [(CONFIG_MAPS, each) for each in dependents]

    assert told(collect((CONFIG_MAPS, subject), owners, children)) == plan
