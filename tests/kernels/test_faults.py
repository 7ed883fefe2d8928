"""Each row of the table of runtimes' faults, in the runtimes that are here."""

import kernels

from pinlite.auditing import runtime_faults


def test_runtimes_compute_what_the_table_says():
    faults = runtime_faults.faults()
    everything = [ran for ran in kernels.run(",".join(fault.forms for fault in faults)) if not ran.delegate]
    assert [line for ran in everything for line in (*kernels.untold(ran), *kernels.stale(ran))] == []
    for fault in faults:
        assert any(fault.of(ran.runtime.name) and kernels.shows(ran, fault) for ran in everything), fault
