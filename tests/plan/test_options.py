"""The knobs of `tandem plan`, from the command line to the packer; wrong ones in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nodescaler.clouds.catalogue import builtin
from nodescaler.core.settings import MinValuesPolicy, PackSettings, PreferencePolicy
from tandem.errors import BadInput
from tandem.plan import Flags, Options, check_families, read_options
from tests.plan.kit import EXAMPLES, PENDING, POOL, PROVISIONER, plan
from tests.plan.test_bad_input import TYPE, pool_asking


def tandem_plan(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tandem", "plan", *map(str, arguments)]
    environ = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/nonexistent",
        "COLUMNS": "200",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ)


def test_every_knob_reaches_the_packer() -> None:
    given = Flags(
        budget="500ms",
        timeout="10",
        node_cost=0.01,
        performance=("m7g=1.2", "t3=0.8"),
        preferences=PreferencePolicy.IGNORE,
        min_values=MinValuesPolicy.BEST_EFFORT,
    )

    assert read_options(given) == Options(
        settings=PackSettings(
            budget_s=0.5,
            preferences=PreferencePolicy.IGNORE,
            min_values=MinValuesPolicy.BEST_EFFORT,
            usd_per_node=0.01,
            performance={"m7g": 1.2, "t3": 0.8},
        ),
        timeout_s=10.0,
    )


def test_three_seconds_of_work_are_usual() -> None:
    assert read_options(Flags()) == Options(settings=PackSettings(budget_s=3.0))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param(Flags(budget="soon"), "--budget: found 'soon'; would do: a dur", id="word"),
        pytest.param(Flags(budget="-1"), "--budget: found '-1'; would do: a dur", id="negative"),
        pytest.param(Flags(budget="nan"), "--budget: found 'nan'; would do", id="no number"),
        pytest.param(Flags(timeout="0"), "--timeout: found '0'; would do: a dur", id="no time"),
        pytest.param(Flags(node_cost=-1.0), "--node-cost: found '-1'; would do", id="a gift"),
        pytest.param(Flags(performance=("m7g",)), "--performance: found 'm7g'; would", id="half"),
        pytest.param(Flags(performance=("m7g=0",)), "--performance: found 'm7g=0'", id="nothing"),
        pytest.param(
            Flags(performance=("m7g=1", "m7g=2")), "--performance: found 'm7g=2'", id="twice"
        ),
    ],
)
def test_a_wrong_knob_is_told(flags: Flags, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        read_options(flags)


def test_a_factor_for_a_family_that_is_not_for_sale() -> None:
    with pytest.raises(BadInput, match=r"found 'm7gg'; would do: c5, .*; did you mean 'm7g'\?"):
        check_families(PackSettings(performance={"m7gg": 2.0}), builtin())


def test_too_few_types_are_a_note_where_the_best_will_do(file: Path) -> None:
    file.write_text(
        pool_asking(f"{{key: {TYPE}, operator: In, values: [m5.large, m5.huge], minValues: 2}}")
    )
    options = Options(settings=PackSettings(min_values=MinValuesPolicy.BEST_EFFORT))
    report = plan(POOL, file, options=options)

    assert report.faults == ()
    assert any("would do: at most 1, as many as are on offer" in note for note in report.notes)


# ---------------------------------------------------------------- as a process


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param([], "nothing to plan; would do: --file FILE, or --from-cluster", id="nothing"),
        pytest.param(
            ["-f", POOL, "--context", "x"], "--kubeconfig, --context: they are for", id="context"
        ),
        pytest.param(["-f", POOL, "--budget", "x"], "--budget: found 'x'; would do", id="budget"),
        pytest.param(["-f", POOL, "--preference-policy", "x"], "'x' is not one of", id="policy"),
        pytest.param(
            ["-f", POOL, "--node-cost", "x"], "Invalid value for '--node-cost'", id="cost"
        ),
        pytest.param(
            ["-f", POOL, "--performance", "zz=1"], "--performance: found 'zz'; would", id="family"
        ),
        pytest.param(
            ["-f", POOL, "--catalog", "/gone"],
            "/gone: no such file or directory; would do: a file, built-in or aws",
            id="catalogue",
        ),
        pytest.param(
            ["--from-cluster", "--kubeconfig", "/gone"], "--from-cluster: ", id="kubeconfig"
        ),
    ],
)
def test_bad_options_end_with_2_and_a_line(arguments: list[str | Path], said: str) -> None:
    answer = tandem_plan(*arguments)

    assert answer.returncode == 2
    assert said in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr


def test_json_is_alone_on_standard_output(file: Path) -> None:
    file.write_text("kind: Service\nmetadata: {name: s}\n---\nkind: Pod\n")
    answer = tandem_plan("-f", PROVISIONER, "-f", PENDING, "-f", file, "--json")

    assert (answer.returncode, len(json.loads(answer.stdout)["unschedulable"])) == (2, 1)
    assert answer.stderr.splitlines() == [
        f"note: {file}, document 1: Service s is not used in planning; skipped",
        f"{file}, document 2: Pod: metadata.name: found nothing; would do: a name",
    ]


def test_the_examples_of_the_folder_are_read_at_once() -> None:
    answer = tandem_plan("-f", EXAMPLES, "--json", "--budget", "0")

    assert "Traceback" not in answer.stderr
    assert json.loads(answer.stdout)["newNodes"]


def test_aws_without_a_region_is_told_in_a_line() -> None:
    answer = tandem_plan("-f", POOL, "--catalog", "aws")

    assert answer.returncode == 2
    assert answer.stderr.startswith("tandem: --catalog aws: ")
    assert answer.stderr.count("\n") == 1
