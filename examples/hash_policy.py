"""
Hash the columns with personal data, everywhere, by a policy: check, plan, rehearse, apply, check.

    python examples/hash_policy.py
    python examples/hash_policy.py --only 'connections/finance_prod/*'

It works on an embedded Fivetran with a demo account, whatever is in the environment. For your own
account, open `AsyncFivetran()` instead, and read the plan before you apply it: rows that are loaded
already stay readable, and a change of a syncing connection stops its sync. The exit code is 1 if a
connection still differs from the policy.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from fivetran_async import as_code
from fivetran_async.as_code import Policy, hash_columns, new_columns
from fivetran_async.testing import FakeFivetran

POLICY = Policy(
    hash_columns(r"^e?mail|phone|ssn", except_for=["*.public.accounts.email_opt_in"]),
    new_columns("block"),
)


async def main() -> int:
    """Hash what the policy names, with at most one change for each connection."""
    parser = argparse.ArgumentParser(description="Hash the columns with personal data.")
    parser.add_argument("--only", default="connections/analytics_prod/*", metavar="GLOB")
    only: str = parser.parse_args().only
    async with FakeFivetran.demo(running=False) as fake:
        async with fake.client(read_only=True) as fivetran:
            live = await as_code.export(fivetran, only=only)
            print("Reading all columns costs", POLICY.cost(live).requests, "requests.")
            findings = await POLICY.check(fivetran, only=only, depth="source")
        print(len(findings), "settings differ,", len(findings.skipped), "cannot be changed.")

        plan = findings.plan()
        print(plan)
        rehearsal = await as_code.rehearse(plan)
        print(rehearsal)

        async with fake.client() as fivetran:
            run = await as_code.apply(fivetran, plan, confirm=plan.digest)
            print(run)
            # Columns that the source lists only now are found by a second check.
            left = await POLICY.check(fivetran, only=only, depth="source")
    print(len(left), "settings differ now.")
    return 0 if run.succeeded and not left.found and not left.errors else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
