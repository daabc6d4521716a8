"""The command line. Exit codes: 0 done, 1 the answer is no, 2 bad input.

Each command imports what it needs when it runs, so that `--help` stays fast.
"""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kube.errors import KubeError
from nodescaler.core.settings import MinValuesPolicy, PackSettings, PreferencePolicy
from tandem import flags, run_options
from tandem.errors import BadInput
from tandem.log import LogFormat
from tandem.offer import SERVICE, offer
from tandem.run_options import ScaleWith

MINUTE_S, HOUR_S = 60.0, 3600.0

app = typer.Typer(
    name="tandem",
    help="One autoscaler for Kubernetes workloads and the nodes they run on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Half(StrEnum):
    NODES = "nodes"
    EVENTS = "events"


Kubeconfig = Annotated[
    Path | None,
    typer.Option(help="Kubeconfig file; else $KUBECONFIG, ~/.kube/config, or the pod's account."),
]
Context = Annotated[str | None, typer.Option(help="Context of the kubeconfig.")]
Files = Annotated[
    list[Path],
    typer.Option("--file", "-f", help="YAML file, or a folder of them; - reads standard input."),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Refuse keys that a trigger does not read, not only warn."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
LogLevel = Annotated[str, typer.Option(help="debug, info, warning or error.")]
Style = Annotated[LogFormat, typer.Option(help="json, text, or auto: text on a terminal.")]


@app.command()
def run(  # one parameter a flag is how typer reads a command
    *,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    only: Annotated[Half | None, typer.Option(help="Run one half.")] = None,
    namespace: Annotated[
        str | None, typer.Option(help="Where the lease and cluster-wide secrets live.")
    ] = None,
    lease: Annotated[str, typer.Option(help="Name of the leader's Lease.")] = "tandem",
    lease_duration: Annotated[
        str, typer.Option(help="How long a dead leader is waited for.")
    ] = "15s",
    elect: Annotated[bool, typer.Option(help="Wait for the lease before acting.")] = True,
    shards: Annotated[
        int,
        typer.Option(min=1, help="Divide the event half among the processes by so many Leases."),
    ] = 1,
    egress_allow: run_options.EgressAllow = None,
    egress_deny: run_options.EgressDeny = None,
    scale_with: run_options.Counts = ScaleWith.TANDEM,
    metrics_api: run_options.Listen = "",
    metrics_api_service: run_options.Service = SERVICE,
    metrics_api_certificates: run_options.Certificates = None,
    metrics_api_address: run_options.Address = "",
    listen: Annotated[
        str, typer.Option(help="Address of /healthz, /readyz and /metrics.")
    ] = "127.0.0.1:8080",
    webhook: Annotated[
        str, typer.Option(help="Address of the admission webhook; nowhere when empty.")
    ] = "",
    webhook_certificates: Annotated[
        Path | None, typer.Option(help="Folder with its tls.crt and tls.key; else one is made.")
    ] = None,
    webhook_configuration: Annotated[
        str, typer.Option(help="ValidatingWebhookConfiguration that is to trust a made one.")
    ] = "",
    strict: Strict = False,
    cloud: Annotated[str, typer.Option(help="Cloud of pools without a node class.")] = "kwok",
    batch_idle_duration: run_options.BatchIdle = "1s",
    batch_max_duration: run_options.BatchMax = "10s",
    preference_policy: run_options.Preferences = PreferencePolicy.RESPECT,
    min_values_policy: run_options.MinValues = MinValuesPolicy.STRICT,
    plan_budget: run_options.Budget = "500ms",
    plan_deadline: run_options.Deadline = "1m",
    node_cost: run_options.NodeCost = 0.0,
    performance_factor: run_options.Factors = None,
    filepath_auth_root_path: Annotated[
        str,
        typer.Option(help="Folder of the files that filePath of an authentication names."),
    ] = "",
    bound_service_account_token_expiry: Annotated[
        str,
        typer.Option(
            envvar="KEDA_BOUND_SERVICE_ACCOUNT_TOKEN_EXPIRY",
            help="Life of the tokens that authentications ask for; 1h to 6h.",
        ),
    ] = "1h",  # noqa: S107 - a length of time
    restrict_secret_access: Annotated[
        bool,
        typer.Option(
            "--restrict-secret-access",
            envvar="KEDA_RESTRICT_SECRET_ACCESS",
            help="Read Secrets in the operator's own namespace only.",
        ),
    ] = False,
    trusted_vault: run_options.TrustedVaults = None,
    trusted_azure_host: run_options.TrustedAzure = None,
    secret_refresh: run_options.Refresh = "5m",  # noqa: S107 - a length of time
    node_startup: Annotated[str, typer.Option(help="Start-up time of a kwok node.")] = "0s",
    cluster_name: run_options.ClusterName = "kubernetes-default",
    log_level: LogLevel = "info",
    log_format: Style = LogFormat.AUTO,
) -> None:
    """Run the operator against a cluster until it is told to stop."""
    from tandem import app as operator  # noqa: PLC0415  # see the header
    from tandem.credentials import Credentials  # noqa: PLC0415
    from tandem.webhook import webhook_of  # noqa: PLC0415

    strict = flags.strict(given=strict)
    offered = offer(
        metrics_api,
        needed=scale_with is ScaleWith.HPA,
        service=metrics_api_service,
        certificates=metrics_api_certificates,
        published=metrics_api_address,
    )
    if shards > 1 and offered is not None:
        raise BadInput("--shards: HPAs need all of the event half in the leader, --shards 1")
    settings = operator.RunSettings(
        kubeconfig=str(kubeconfig) if kubeconfig else None,
        context=context,
        only=only.value if only else None,
        namespace=namespace,
        lease=lease,
        lease_s=flags.seconds("--lease-duration", lease_duration, zero=False),
        elect=elect,
        shards=flags.shards(shards, elect=elect, only=only),
        egress=flags.egress(egress_allow or (), egress_deny or ()),
        scale_with=scale_with.value,
        metrics=offered,
        listen=listen,
        cloud=cloud,
        batch_idle_s=flags.seconds("--batch-idle-duration", batch_idle_duration),
        batch_max_s=flags.seconds("--batch-max-duration", batch_max_duration),
        pack=PackSettings(
            budget_s=flags.seconds("--plan-budget", plan_budget),
            preferences=preference_policy,
            min_values=min_values_policy,
            usd_per_node=flags.usd("--node-cost", node_cost),
            performance=flags.factors("--performance-factor", performance_factor or ()),
        ),
        plan_deadline_s=flags.seconds("--plan-deadline", plan_deadline, zero=False),
        node_startup_s=flags.seconds("--node-startup", node_startup),
        strict=strict,
        cluster_name=cluster_name,
        webhook=webhook_of(webhook, webhook_certificates, webhook_configuration, strict=strict),
        lent=Credentials(
            file_root=filepath_auth_root_path,
            token_life_s=flags.seconds_between(
                "--bound-service-account-token-expiry",
                bound_service_account_token_expiry,
                least_s=HOUR_S,
                most_s=6 * HOUR_S,
            ),
            restricted=restrict_secret_access,
            trusted_vaults=flags.addresses("--trusted-vault", trusted_vault or (), any_too=True),
            trusted_azure=flags.addresses("--trusted-azure-host", trusted_azure_host or ()),
            refresh_s=flags.seconds_between(
                "--secret-refresh", secret_refresh, least_s=MINUTE_S, most_s=24 * HOUR_S
            ),
        ),
    )
    _configure(log_level, log_format)
    operator.main(settings)


@app.command()
def sandbox(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 0,
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Where to write the kubeconfig; else a temporary file.")
    ] = None,
    nodes: Annotated[int, typer.Option(min=0, help="Simulated nodes to begin with.")] = 0,
    pod_start: Annotated[str, typer.Option(help="Time from bound to Running.")] = "1s",
    log_level: LogLevel = "warning",
    log_format: Style = LogFormat.AUTO,
) -> None:
    """Serve a Kubernetes API on 127.0.0.1 with simulated nodes, until Ctrl-C."""
    from tandem import sandbox_command  # noqa: PLC0415

    _configure(log_level, log_format)
    _finish(
        sandbox_command.main(
            port=port,
            kubeconfig=kubeconfig,
            nodes=nodes,
            pod_start_s=flags.seconds("--pod-start", pod_start),
        )
    )


@app.command()
def demo(
    *,
    broker: Annotated[
        str, typer.Option(help="http: the demo's own queue; rabbitmq: a real one from PATH.")
    ] = "http",
    messages: Annotated[int, typer.Option(min=1, help="How many messages to publish.")] = 300,
    as_json: AsJson = False,
    plain: Annotated[bool, typer.Option(help="Plain lines even on a terminal.")] = False,
    log_level: LogLevel = "info",
) -> None:
    """Watch the main job on the embedded cluster: a queue fills, and it all goes back to zero."""
    from tandem.demo import runner  # noqa: PLC0415

    settings = runner.DemoSettings(
        broker=broker, messages=messages, as_json=as_json, plain=plain, log_level=log_level
    )
    _finish(runner.main(settings))


@app.command()
def plan(
    *,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", "-f", help="YAML file, or a folder; - reads standard input."),
    ] = None,
    from_cluster: Annotated[
        bool, typer.Option("--from-cluster", help="Plan for a live cluster; files come first.")
    ] = False,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    catalog: Annotated[
        str,
        typer.Option(help="built-in, aws (live), or a file in the JSON of Karpenter's kwok."),
    ] = "built-in",
    budget: Annotated[
        str, typer.Option(metavar="SECONDS", help="Work for a plan cheaper than the fast one's.")
    ] = "3",
    timeout: Annotated[
        str | None, typer.Option(metavar="SECONDS", help="Plan what is possible in this time.")
    ] = None,
    node_cost: Annotated[
        float, typer.Option(metavar="USD", help="Dollars an hour that count for each node.")
    ] = 0.0,
    performance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAMILY=FACTOR", help="Work that a family's vCPU does, 1 being usual; repeat."
        ),
    ] = None,
    preference_policy: Annotated[
        PreferencePolicy, typer.Option(help="What becomes of preferred affinity and spread.")
    ] = PreferencePolicy.RESPECT,
    min_values_policy: Annotated[
        MinValuesPolicy, typer.Option(help="What happens when too few types are left.")
    ] = MinValuesPolicy.STRICT,
    as_json: AsJson = False,
) -> None:
    """Show which nodes the given pods would get, what they cost, and why a pod stays out."""
    from tandem import plan_command  # noqa: PLC0415
    from tandem.plan.options import Flags  # noqa: PLC0415

    knobs = Flags(
        budget=budget,
        timeout=timeout,
        node_cost=node_cost,
        performance=tuple(performance or ()),
        preferences=preference_policy,
        min_values=min_values_policy,
    )
    order = plan_command.Order(
        paths=tuple(file or ()),
        from_cluster=from_cluster,
        kubeconfig=str(kubeconfig) if kubeconfig else None,
        context=context,
        catalogue=catalog,
        flags=knobs,
        as_json=as_json,
    )
    _finish(plan_command.main(order))


@app.command()
def check(
    *,
    file: Files,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    as_json: AsJson = False,
    watch: run_options.Watch = None,
) -> None:
    """Read every trigger of a ScaledObject or ScaledJob once, for real; show what would follow."""
    from tandem import check_command  # noqa: PLC0415

    path = str(kubeconfig) if kubeconfig else None
    code = check_command.main(file, kubeconfig=path, context=context, as_json=as_json, watch=watch)
    _finish(code)


@app.command()
def validate(
    *,
    file: Files,
    strict: Strict = False,
    as_json: AsJson = False,
) -> None:
    """Apply the admission rules offline and print all faults at once."""
    from tandem import validate_command  # noqa: PLC0415

    _finish(validate_command.main(file, as_json=as_json, strict=flags.strict(given=strict)))


@app.command()
def explain(
    *,
    what: Annotated[
        str, typer.Argument(metavar="KIND/NAME", help="scaledobject/NAME or scaledjob/NAME.")
    ],
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Of the object; else the context's.")
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Its --listen address; else its pods are asked."),
    ] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Show why there are so many replicas or Jobs: the last decisions with their inputs."""
    from tandem import explain_command  # noqa: PLC0415

    _finish(
        explain_command.main(
            what,
            namespace=namespace,
            operator=operator,
            kubeconfig=str(kubeconfig) if kubeconfig else None,
            context=context,
            as_json=as_json,
        )
    )


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed  # noqa: PLC0415

    typer.echo(installed("tandem-autoscaler"))


def _configure(level: str, style: LogFormat) -> None:
    from tandem import log  # noqa: PLC0415

    if level.lower() not in {"debug", "info", "warning", "error"}:
        raise BadInput(f"--log-level: found {level!r}; would do: debug, info, warning or error")
    log.configure(level=level, style=style)


def _finish(code: int) -> None:
    if code:
        raise typer.Exit(code)


def main() -> None:
    """Run the command line and turn bad input into one line on standard error and exit code 2."""
    try:
        app(list(flags.spelled(sys.argv[1:])))
    except BadInput as error:
        sys.stderr.write(f"tandem: {error}\n")
        sys.exit(2)
    except KubeError as error:
        sys.stderr.write(f"tandem: {error}\n")
        sys.exit(1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
