"""`tandem plan`: which nodes the pods in some manifests, or in a cluster, would need.

    files -> inputs -> manifests (with admission, workloads) -> world -> checks -> snapshot -> pack
    cluster ------^

report = plan_files([Path("pool.yaml"), Path("pods.yaml")], clock=time.perf_counter, now=now())
print(report.to_json())        # or render(report, Console())
sys.exit(report.exit_code)
"""

from tandem.files import InputFault
from tandem.plan.options import Flags, Options, check_families, read_options
from tandem.plan.report import PlanReport, plan_documents, plan_files, plan_world, study
from tandem.plan.view import render
from tandem.plan.words import count

__all__ = [
    "Flags",
    "InputFault",
    "Options",
    "PlanReport",
    "check_families",
    "count",
    "plan_documents",
    "plan_files",
    "plan_world",
    "read_options",
    "render",
    "study",
]
