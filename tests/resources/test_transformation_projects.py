from __future__ import annotations

from fivetran_async.resources.transformation_projects import (
    TransformationProject,
    TransformationProjectConfig,
)
from fivetran_async.testing import FakeFivetran

CONFIG = TransformationProjectConfig(
    dbt_version="1.8",
    default_schema="marts",
    git_remote_url="git@example.com:data/models.git",
    threads=4,
    environment_vars=("DBT_TOKEN=hush",),
)


async def test_a_project_is_created_tested_updated_and_deleted() -> None:
    """Setup tests run on request, with the flag of this family or their own call."""
    async with FakeFivetran(running=False) as fake, fake.client() as fivetran:
        group_id = fake.add_group()
        made = await fivetran.transformation_projects.create(
            group_id=group_id, type="DBT_CORE", project_config=CONFIG, run_tests=False
        )
        assert fake.requests[-1].body == {
            "group_id": group_id,
            "type": "DBT_CORE",
            "project_config": {
                "dbt_version": "1.8",
                "default_schema": "marts",
                "git_remote_url": "git@example.com:data/models.git",
                "threads": 4,
                "environment_vars": ["DBT_TOKEN=hush"],
            },
            "run_tests": False,
        }
        tested = await fivetran.transformation_projects.run_tests(made.id)
        assert fake.requests[-1].body_bytes == b""
        (listed,) = await fivetran.transformation_projects.list().collect()
        changed = await fivetran.transformation_projects.update(
            made.id, project_config={"environment_vars": []}
        )
        assert await fivetran.transformation_projects.get(made.id) == changed
        await fivetran.transformation_projects.delete(made.id)
        assert await fivetran.transformation_projects.list().collect() == []
    assert (made.status, tested.status) == ("NOT_READY", "READY")
    assert tested.setup_tests
    assert all(test.is_passed for test in tested.setup_tests)
    assert listed == TransformationProject(
        id=made.id,
        type="DBT_CORE",
        group_id=group_id,
        created_at=made.created_at,
        created_by_id=made.created_by_id,
    )
    assert changed.project_config.environment_vars == ()
    assert changed.project_config.git_remote_url == CONFIG.git_remote_url


def test_environment_variables_stay_out_of_the_repr() -> None:
    """They often hold secrets, and logs can contain a `repr`."""
    assert "hush" not in repr(TransformationProject(id="p1", project_config=CONFIG))
