"""The chart as Helm sees it: what it renders and refuses, and what a real API server says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
import yaml

from kube.values import duration
from tandem.cli import app
from tests.charts.helm import CHART, Refused, Tool, args_of, objects

pytestmark = pytest.mark.timeout(120)
CRDS = {yaml.safe_load(path.read_text())["metadata"]["name"] for path in CHART.glob("crds/*.yaml")}
DEFAULT = "--set=replicas=2"
REFERENCE = (
    '--set-json=env=[{"name":"AWS_REGION","value":"eu-west-1"},'
    '{"name":"TOKEN","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}]'
)
TOLERATION = '--set-json=tolerations=[{"key":"infra","operator":"Exists","effect":"NoSchedule"}]'
RULE = '--set-json=rbac.extraRules=[{"apiGroups":["x.y"],"resources":["z"],"verbs":["get"]}]'
FILES = (
    '--set-json=auth={"filePathRoot":"/files"},volumes=[{"name":"f","secret":{"secretName":"f"}}],'
    'volumeMounts=[{"name":"f","mountPath":"/files"}]'
)
SETS = [
    pytest.param(DEFAULT, id="default values"),
    pytest.param("--set=only=events", id="events"),
    pytest.param("--set=only=nodes", id="nodes"),
    pytest.param(REFERENCE, id="env"),
    pytest.param("--set=rbac.readSecrets=false", id="no secrets"),
    pytest.param("--set=auth.restrictSecretAccess=true,auth.tokenExpiry=2h", id="own secrets"),
    pytest.param(FILES, id="files"),
    pytest.param(
        "--set=auth.trustedVaults={https://vault.example:8200,*},auth.secretRefresh=1m,"
        "auth.trustedAzureHosts={https://login.stack.example}",
        id="trusted",
    ),
    pytest.param(RULE, id="another rule"),
    pytest.param("--set=log.level=debug,log.format=text", id="log"),
    pytest.param("--set=priorityClassName=", id="no priority class"),
    pytest.param("--set=priorityClassName=mine", id="a priority class"),
    pytest.param(TOLERATION, id="tolerations"),
    pytest.param("--set=batch.idleDuration=500ms,batch.maxDuration=1m", id="batch"),
    pytest.param(
        "--set=plan.preferencePolicy=Ignore,plan.minValuesPolicy=BestEffort,plan.budget=0s,"
        "plan.nodeCost=0.01,plan.performanceFactors.m7g=1.2,plan.performanceFactors.t3=0.8",
        id="plan",
    ),
    pytest.param("--set=shards=3", id="shards"),
    pytest.param("--set=shards=3,only=nodes", id="shards without the half that has them"),
    pytest.param(
        "--set=eventscaler.egress.allow={10.0.0.0/8,*.example.com},"
        "eventscaler.egress.deny={10.9.0.0/16}",
        id="egress",
    ),
    pytest.param("--set=eventscaler.mode=hpa", id="HPAs"),
    pytest.param("--set=eventscaler.mode=hpa,only=nodes", id="HPAs without the half that has them"),
    pytest.param(
        "--set=eventscaler.metricsApi.enabled=true,eventscaler.metricsApi.secretName=certs,"
        "eventscaler.metricsApi.caBundle=QQ==,eventscaler.metricsApi.annotations.a=b",
        id="HPAs by annotation",
    ),
    pytest.param("--set=podAnnotations.a=b,serviceAccount.annotations.c=d", id="annotations"),
    pytest.param("--set=imagePullSecrets[0].name=pull,image.tag=v1", id="image"),
    pytest.param("--set=webhook.enabled=false", id="no webhook"),
    pytest.param(
        "--set=strict=true,webhook.secretName=hook,webhook.caBundle=QQ==,"
        "webhook.failurePolicy=Fail,webhook.timeoutSeconds=5,webhook.annotations.a=b",
        id="webhook",
    ),
    pytest.param("--set=nodeSelector=null,resources=null", id="nothing asked of the node"),
]


def render(helm: Tool, *flags: str) -> str:
    return helm("template", "tandem", str(CHART), "--namespace=default", *flags)


def test_lint(helm: Tool) -> None:
    assert "0 chart(s) failed" in helm("lint", "--strict", str(CHART))


def test_a_package_holds_the_definitions(helm: Tool, tmp_path: Path) -> None:
    """They are a link in the tree, which Helm follows."""
    helm("package", str(CHART), f"--destination={tmp_path}")
    (package,) = tmp_path.glob("tandem-*.tgz")

    shown = helm("show", "crds", str(package))

    assert {each.split("/")[1] for each in objects(shown)} == CRDS


@pytest.mark.parametrize("flag", SETS)
def test_every_object_is_accepted_by_a_real_server(
    helm: Tool, bare_kubectl: Tool, flag: str
) -> None:
    manifests = render(helm, flag)

    told = bare_kubectl(
        "apply", "--server-side", "--dry-run=server", "--filename=-", stdin=manifests
    )

    assert told.count("serverside-applied") == len(objects(manifests))


@pytest.mark.parametrize("flag", SETS)
def test_the_command_line_takes_the_arguments(helm: Tool, flag: str) -> None:
    command, *args = args_of(objects(render(helm, flag)), "tandem")
    group = typer.main.get_command(app)
    context = group.make_context("tandem", [command, *args])
    run = group.commands[command]  # type: ignore[attr-defined]  # a group, since there are many
    given = run.make_context(command, args, parent=context).params

    assert given["listen"] == "0.0.0.0:8080"
    assert given["namespace"] == "default"
    for name in ("batch_idle_duration", "batch_max_duration", "plan_deadline", "lease_duration"):
        assert duration.parse(given[name]).total_seconds() > 0


def test_what_a_plan_costs_reaches_the_command_line(helm: Tool) -> None:
    args = args_of(
        objects(render(helm, "--set=plan.nodeCost=0.01,plan.performanceFactors.m7g=1.2")), "tandem"
    )

    assert "--node-cost=0.01" in args
    assert "--performance-factor=m7g=1.2" in args


def test_egress_reaches_the_command_line(helm: Tool) -> None:
    flag = "--set=eventscaler.egress.allow={10.0.0.0/8,mq.shop},eventscaler.egress.deny={10.9.9.9}"
    args = args_of(objects(render(helm, flag)), "tandem")

    assert [arg for arg in args if arg.startswith("--egress")] == [
        "--egress-allow=10.0.0.0/8",
        "--egress-allow=mq.shop",
        "--egress-deny=10.9.9.9",
    ]


def test_trust_reaches_the_command_line(helm: Tool) -> None:
    flag = (
        "--set=auth.trustedVaults={https://vault.example,*},auth.secretRefresh=1m,"
        "auth.trustedAzureHosts={https://login.stack.example}"
    )
    args = args_of(objects(render(helm, flag)), "tandem")

    assert [arg for arg in args if arg.startswith(("--trusted", "--secret"))] == [
        "--secret-refresh=1m",
        "--trusted-vault=https://vault.example",
        "--trusted-vault=*",
        "--trusted-azure-host=https://login.stack.example",
    ]


@pytest.mark.parametrize("flag", SETS)
def test_nothing_secret_is_rendered(helm: Tool, flag: str) -> None:
    """A secret is referred to, never held."""
    rendered = objects(render(helm, flag))
    env = rendered["Deployment/tandem"]["spec"]["template"]["spec"]["containers"][0].get("env", [])

    assert not [name for name in rendered if name.startswith("Secret/")]
    assert all("value" not in each for each in env if each["name"] == "TOKEN")


def _resources(helm: Tool, flag: str) -> set[str]:
    rules = objects(render(helm, flag))["ClusterRole/tandem"]["rules"]
    return {resource for rule in rules for resource in rule["resources"]}


@pytest.mark.parametrize(
    ("flag", "without"),
    [
        pytest.param("--set=only=events", {"nodes", "nodeclaims", "pods/eviction"}, id="events"),
        pytest.param("--set=only=nodes", {"scaledobjects", "*/scale", "secrets"}, id="nodes"),
        pytest.param("--set=rbac.readSecrets=false", {"secrets"}, id="no secrets"),
        pytest.param("--set=auth.restrictSecretAccess=true", {"secrets"}, id="own secrets"),
        pytest.param("--set=rbac.createTokens=false", {"serviceaccounts/token"}, id="no tokens"),
    ],
)
def test_what_is_not_run_is_not_permitted(helm: Tool, flag: str, without: set[str]) -> None:
    assert without <= _resources(helm, DEFAULT)
    assert not without & _resources(helm, flag)


def test_the_webhook_leads_to_every_replica(helm: Tool) -> None:
    rendered = objects(render(helm))
    hooks = rendered["ValidatingWebhookConfiguration/tandem"]["webhooks"]
    ports = {each["name"]: each["port"] for each in rendered["Service/tandem"]["spec"]["ports"]}
    services = [hook["clientConfig"]["service"] for hook in hooks]

    assert [service.pop("path") for service in services] == [
        f"/{hook['rules'][0]['resources'][0]}" for hook in hooks
    ]
    assert {tuple(sorted(service.items())) for service in services} == {
        (("name", "tandem"), ("namespace", "default"), ("port", ports["webhook"]))
    }
    assert {(hook["failurePolicy"], hook["timeoutSeconds"]) for hook in hooks} == {("Ignore", 10)}
    assert "--webhook-configuration=tandem" in args_of(rendered, "tandem")


@pytest.mark.parametrize("flag", ["--set=webhook.enabled=false", "--set=only=nodes"])
def test_without_webhook(helm: Tool, flag: str) -> None:
    rendered = objects(render(helm, flag))

    assert "ValidatingWebhookConfiguration/tandem" not in rendered
    assert not [each for each in args_of(rendered, "tandem") if each.startswith("--webhook")]
    assert "validatingwebhookconfigurations" not in _resources(helm, flag)


def test_a_given_certificate_is_mounted_and_nothing_is_written(helm: Tool) -> None:
    flag = "--set=webhook.secretName=hook,webhook.caBundle=QQ=="
    rendered = objects(render(helm, flag))
    pod = rendered["Deployment/tandem"]["spec"]["template"]["spec"]
    hooks = rendered["ValidatingWebhookConfiguration/tandem"]["webhooks"]

    assert pod["volumes"] == [{"name": "webhook", "secret": {"secretName": "hook"}}]
    assert "--webhook-certificates=/etc/tandem/webhook" in args_of(rendered, "tandem")
    assert {hook["clientConfig"]["caBundle"] for hook in hooks} == {"QQ=="}
    assert "validatingwebhookconfigurations" not in _resources(helm, flag)


def test_hpa_mode_has_a_service_that_only_the_leader_answers(helm: Tool) -> None:
    rendered = objects(render(helm, "--set=eventscaler.mode=hpa"))
    service = rendered["APIService/v1beta1.external.metrics.k8s.io"]["spec"]["service"]
    args = args_of(rendered, "tandem")

    assert service == {"name": "tandem-metrics", "namespace": "default", "port": 443}
    assert "selector" not in rendered["Service/tandem-metrics"]["spec"]
    assert rendered["RoleBinding/tandem-metrics-default"]["metadata"]["namespace"] == "kube-system"
    assert "--scale-with=hpa" in args
    assert "--metrics-api-service=tandem-metrics" in args
    assert "--metrics-api-address=$(POD_IP)" in args
    assert "apiservices" in _resources(helm, "--set=eventscaler.mode=hpa")


@pytest.mark.parametrize("flag", [DEFAULT, "--set=eventscaler.mode=hpa,only=nodes"])
def test_no_metrics_api_without_hpas(helm: Tool, flag: str) -> None:
    rendered = objects(render(helm, flag))

    assert not [name for name in rendered if name.startswith("APIService/")]
    assert not [each for each in args_of(rendered, "tandem") if "metrics-api" in each]
    assert "apiservices" not in _resources(helm, flag)


def test_a_given_certificate_of_the_metrics_api_is_mounted(helm: Tool) -> None:
    flag = (
        "--set=eventscaler.mode=hpa,eventscaler.metricsApi.secretName=certs,"
        "eventscaler.metricsApi.caBundle=QQ=="
    )
    rendered = objects(render(helm, flag))
    pod = rendered["Deployment/tandem"]["spec"]["template"]["spec"]

    assert {"name": "metrics-api", "secret": {"secretName": "certs"}} in pod["volumes"]
    assert "--metrics-api-certificates=/etc/tandem/metrics-api" in args_of(rendered, "tandem")
    assert rendered["APIService/v1beta1.external.metrics.k8s.io"]["spec"]["caBundle"] == "QQ=="
    assert "apiservices" not in _resources(helm, flag)


def test_own_secrets_are_permitted_where_the_operator_is(helm: Tool) -> None:
    rendered = objects(render(helm, "--set=auth.restrictSecretAccess=true"))

    (rule,) = rendered["Role/tandem-secrets"]["rules"]
    assert (rule["resources"], rule["verbs"]) == (["secrets"], ["get", "list", "watch"])
    assert "Role/tandem-secrets" not in objects(render(helm))
    args = args_of(rendered, "tandem")
    assert "--restrict-secret-access" in args


def test_one_half_is_asked_for_by_its_option(helm: Tool) -> None:
    assert "--only=nodes" in args_of(objects(render(helm, "--set=only=nodes")), "tandem")
    assert not [a for a in args_of(objects(render(helm)), "tandem") if a.startswith("--only")]


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        pytest.param(
            "--set=only=both", "at '/only': value must be one of '', 'events', 'nodes'", id="half"
        ),
        pytest.param("--set=replica=3", "additional properties 'replica' not allowed", id="typo"),
        pytest.param("--set=replicas=-1", "at '/replicas': minimum: got -1, want 0", id="replicas"),
        pytest.param("--set=log.level=loud", "at '/log/level': value must be one of", id="level"),
        pytest.param(
            "--set=batch.idleDuration=soon",
            "at '/batch/idleDuration': 'soon' does not match pattern",
            id="duration",
        ),
        pytest.param(
            "--set=tolerations[0].effect=No",
            "at '/tolerations/0/effect': value must be one of",
            id="in a list",
        ),
        pytest.param(
            '--set-json=env=[{"value":"x"}]', "at '/env/0': missing property 'name'", id="env"
        ),
        pytest.param(
            "--set=plan.preferencePolicy=Obey",
            "at '/plan/preferencePolicy': value must be one of 'Respect', 'Ignore'",
            id="policy",
        ),
        pytest.param(
            "--set=plan.performanceFactors.m7g=0",
            "at '/plan/performanceFactors/m7g': exclusiveMinimum: got 0, want 0",
            id="factor",
        ),
        pytest.param(
            "--set=eventscaler.mode=keda", "at '/eventscaler/mode': value must be one of", id="mode"
        ),
        pytest.param(
            "--set=eventscaler.mode=hpa,shards=2",
            "shards: HPAs read metrics from one leader",
            id="shards",
        ),
        pytest.param("--set=cloud=moon", "at '/cloud': value must be", id="cloud"),
    ],
)
def test_a_wrong_value_is_refused_by_its_path(helm: Tool, flag: str, told: str) -> None:
    with pytest.raises(Refused) as refused:
        render(helm, flag)

    assert told in str(refused.value)


def test_every_value_is_in_the_schema_and_in_the_readme() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    readme = (CHART / "README.md").read_text()
    folded = ("lease", "image", "log", "batch", "plan", "eventscaler", "serviceAccount", "rbac")
    nested = {*folded, "auth", "webhook"}
    paths = [
        f"{name}.{inner}" if name in nested else name
        for name, value in values.items()
        for inner in (value if isinstance(value, dict) and value else [""])
    ]

    assert set(values) == set(schema["properties"]) - {"global"}
    assert [path for path in paths if f"| `{path}` |" not in readme] == []


def test_install_upgrade_uninstall(installer: Tool, bare_kubectl: Tool, unique: str) -> None:
    bare_kubectl("delete", "crd", "--ignore-not-found", *sorted(CRDS))
    where = (unique, str(CHART), f"--namespace={unique}")

    installer("install", *where, "--create-namespace")
    bare_kubectl("wait", "--for=condition=Established", "crd", *sorted(CRDS), "--timeout=30s")
    bare_kubectl("get", "scaledobjects,nodepools,provisioners", "--all-namespaces")
    bare_kubectl("apply", "--server-side", "--force-conflicts", "--filename=crds")
    installer(
        "upgrade", *where, "--reset-then-reuse-values", "--set=replicas=3", "--set=only=events"
    )
    shown = json.loads(bare_kubectl("get", "deployment", unique, f"-n={unique}", "-o=json"))
    kept = bare_kubectl("get", "crd", "-o=name")
    installer("uninstall", unique, f"--namespace={unique}")
    left = bare_kubectl(
        "get", "all,role,sa,pdb,clusterrole,clusterrolebinding", f"-n={unique}", "-o=name"
    )

    assert shown["spec"]["replicas"] == 3
    assert "--only=events" in shown["spec"]["template"]["spec"]["containers"][0]["args"]
    assert all(name in kept for name in CRDS), "an upgrade and an uninstall leave definitions alone"
    assert unique not in left
