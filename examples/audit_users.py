"""
List every role of every user and team, and the findings worth a review.

    python examples/audit_users.py [--csv FILE]

With FIVETRAN_API_KEY and FIVETRAN_API_SECRET in the environment, it reads that account and changes
nothing. Without them, it starts an embedded Fivetran with a demo account and reads it.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from fivetran_async import AsyncFivetran, FivetranError, Pager
from fivetran_async.testing import FakeFivetran

T = TypeVar("T")

ADMINISTRATOR = "Account Administrator"


class Grant(NamedTuple):
    """A role of a user or team in the account, a group, a connection or a team."""

    who: str
    where: str
    role: str


async def of_each(
    fivetran: AsyncFivetran, owner_ids: Iterable[str], memberships: Callable[[str], Pager[T]]
) -> list[tuple[str, T]]:
    """List the memberships of each user or team, several at a time."""
    async with fivetran.fan_out(owner_ids, memberships, ordered=True) as results:
        return [pair async for pair in results]


async def audit(fivetran: AsyncFivetran) -> tuple[list[Grant], list[str]]:
    """Read all roles; return them and the findings."""
    users = {user.id: user async for user in fivetran.users.list()}
    teams = {team.id: team async for team in fivetran.teams.list()}
    groups = {group.id: group.name async for group in fivetran.groups.list()}
    members = await of_each(fivetran, teams, fivetran.teams.users.list)

    names = {each.id: each.email or each.id for each in users.values()}
    names |= {each.id: f"team {each.name}" for each in teams.values()}
    grants = [Grant(names[each.id], "account", each.role or "none") for each in users.values()]
    grants += [Grant(names[each.id], "account", each.role or "none") for each in teams.values()]
    for team_id, member in members:
        grants.append(Grant(names.get(member.user_id, member.user_id), names[team_id], member.role))
    for owners, family in ((users, fivetran.users), (teams, fivetran.teams)):
        for owner_id, each in await of_each(fivetran, owners, family.groups.list):
            place = f"group {groups.get(each.id, each.id)}"
            grants.append(Grant(names[owner_id], place, each.role))
        for owner_id, each in await of_each(fivetran, owners, family.connections.list):
            grants.append(Grant(names[owner_id], f"connection {each.id}", each.role))

    findings = [
        f"{names[user.id]} never logged in" for user in users.values() if user.logged_in_at is None
    ]
    findings += [
        f"{grant.who} administers the account"
        for grant in grants
        if grant.where == "account" and grant.role == ADMINISTRATOR
    ]
    findings += [
        f"{names.get(member.user_id, member.user_id)} administers the account via {names[team_id]}"
        for team_id, member in members
        if teams[team_id].role == ADMINISTRATOR
    ]
    return sorted(grants), sorted(findings)


def printable(text: str) -> str:
    """Replace control characters, so that a name cannot control the terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def show(grants: Iterable[Grant], findings: Iterable[str]) -> None:
    """Print the table and the findings."""
    rows = [Grant("who", "where", "role"), *grants]
    who, where = (max(len(row[column]) for row in rows) for column in (0, 1))
    for row in rows:
        print(printable(f"{row.who:<{who}}  {row.where:<{where}}  {row.role}"))
    print("\nFindings:")
    print(*(f"  {printable(finding)}" for finding in findings), sep="\n")


def write_csv(grants: Iterable[Grant], path: Path) -> None:
    """Write the table to a file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([Grant._fields, *grants])


def add_people(fake: FakeFivetran) -> None:
    """Add a user to the demo account who has a role of every kind."""
    group_id = fake.add_group(name="payroll")
    connection_id = fake.add_connection(group_id=group_id, service="workday")
    team_id = fake.add("teams", name="On Call", role=ADMINISTRATOR)
    user_id = fake.add("users", email="kim@example.com", given_name="Kim", family_name="Larsen")
    fake.add("teams.users", team_id=team_id, user_id=user_id, role="Team Member")
    fake.add("teams.groups", team_id=team_id, id=group_id, role="Destination Reviewer")
    fake.add("users.groups", user_id=user_id, id=group_id, role="Destination Analyst")
    fake.add("users.connections", user_id=user_id, id=connection_id, role="Connector Administrator")


async def main() -> None:
    """Audit the account from the environment, or the demo account."""
    parser = argparse.ArgumentParser(description="List the roles of all users and teams.")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write the table to FILE")
    options = parser.parse_args()
    if "FIVETRAN_API_KEY" in os.environ:
        print("Reading your Fivetran account: FIVETRAN_API_KEY is set.")
        async with AsyncFivetran(read_only=True) as fivetran:
            grants, findings = await audit(fivetran)
    else:
        print("Reading an embedded demo account: FIVETRAN_API_KEY is not set.")
        async with FakeFivetran.demo() as fake, fake.client(read_only=True) as fivetran:
            add_people(fake)
            grants, findings = await audit(fivetran)
    show(grants, findings)
    if options.csv:
        write_csv(grants, options.csv)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except FivetranError as error:
        sys.exit(f"Could not read Fivetran: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
