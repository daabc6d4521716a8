"""`tandem plan`: which nodes the pods in some manifests would need, without a cluster.

report = plan_files([Path("pool.yaml"), Path("pods.yaml")], clock=time.perf_counter)
print(report.to_json())        # or render(report, Console())
sys.exit(report.exit_code)
"""

from tandem.files import InputFault
from tandem.plan.report import PlanReport, plan_documents, plan_files
from tandem.plan.view import count, render

__all__ = ["InputFault", "PlanReport", "count", "plan_documents", "plan_files", "render"]
