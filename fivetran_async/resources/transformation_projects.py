"""`fivetran.transformation_projects` - <https://fivetran.com/docs/rest-api/api-reference/transformation-project>."""

from collections.abc import Mapping
from datetime import datetime

from fivetran_async._http.base_url import shown_url
from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._resource import Resource
from fivetran_async.resources.setup_tests import SetupTest


@model
class TransformationProjectConfig(Model):
    """
    Where the code of a project is, and how it runs.

    Attributes:
        dbt_version: The version of dbt; cannot change later.
        default_schema: Where its tables go; cannot change later.
        git_remote_url: The repository; cannot change later.
        git_branch: The branch.
        folder_path: Where the project is in the repository.
        target_name: The dbt target.
        threads: How many models are made at once.
        environment_vars: Such as `DBT_REGION=eu`.
        public_key: What the repository must accept. Only in answers.
    """

    dbt_version: str | None = None
    default_schema: str | None = None
    git_remote_url: str | None = field(default=None, repr=shown_url)
    git_branch: str | None = None
    folder_path: str | None = None
    target_name: str | None = None
    threads: int | None = None
    environment_vars: tuple[str, ...] = field(default=(), repr=False)
    public_key: str | None = None


@model
class TransformationProject(Model):
    """
    A dbt project.

    Attributes:
        type: `DBT_CORE`.
        status: `NOT_READY`, `READY` or `ERROR`; empty in lists.
        created_by_id: The user who made it.
        errors: Why it is not ready.
        project_config: Where its code is; empty in lists.
        setup_tests: What the last tests found, in answers of calls that ran them.
    """

    id: str
    type: str = ""
    group_id: str = ""
    status: str = ""
    errors: tuple[str, ...] = ()
    project_config: TransformationProjectConfig = field(factory=TransformationProjectConfig)
    setup_tests: tuple[SetupTest, ...] = ()
    created_at: datetime | None = None
    created_by_id: str = ""


_LIST = operation("transformation_projects.list", "GET", "/v1/transformation-projects")
_GET = operation("transformation_projects.get", "GET", "/v1/transformation-projects/{project_id}")
_CREATE = operation(
    "transformation_projects.create", "POST", "/v1/transformation-projects", slow=True
)
_UPDATE = operation(
    "transformation_projects.update", "PATCH", "/v1/transformation-projects/{project_id}", slow=True
)
_DELETE = operation(
    "transformation_projects.delete", "DELETE", "/v1/transformation-projects/{project_id}"
)
_RUN_TESTS = operation(
    "transformation_projects.run_tests",
    "POST",
    "/v1/transformation-projects/{project_id}/test",
    retry_class="trigger",
    slow=True,
)


class TransformationProjects(Resource):
    """
    `fivetran.transformation_projects`: the dbt projects that transformations come from.

    <https://fivetran.com/docs/rest-api/api-reference/transformation-project>
    """

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[TransformationProject]:
        """
        List the projects of the account, without their `project_config` and `status`.

        GET /v1/transformation-projects

        Args:
            limit: Projects per page, 1 to 1000.
            cursor: Where to begin: the `next_cursor` of a page.
        """
        return self._transport.pager(_LIST, TransformationProject, limit=limit, cursor=cursor)

    async def get(self, project_id: str) -> TransformationProject:
        """
        Return one project.

        GET /v1/transformation-projects/{project_id}
        """
        return await self._transport.call(_GET, TransformationProject, project_id)

    async def create(
        self,
        *,
        group_id: str,
        type: str,
        project_config: TransformationProjectConfig | Mapping[str, object],
        run_tests: bool | Unset = UNSET,
    ) -> TransformationProject:
        """
        Create a project.

        POST /v1/transformation-projects

        Args:
            group_id: The group whose destination it works in; cannot change later.
            type: `DBT_CORE`.
            project_config: `dbt_version`, `default_schema` and `git_remote_url` are required.
            run_tests: Test it at once, which may take minutes.

        Raises:
            AmbiguousOutcomeError: It may exist now; list the projects to find out.
        """
        return await self._transport.call(
            _CREATE,
            TransformationProject,
            body={
                "group_id": group_id,
                "type": type,
                "project_config": project_config,
                "run_tests": run_tests,
            },
        )

    async def update(
        self,
        project_id: str,
        *,
        type: str | Unset = UNSET,
        project_config: TransformationProjectConfig | Mapping[str, object] | Unset = UNSET,
        run_tests: bool | Unset = UNSET,
    ) -> TransformationProject:
        """
        Change a project; what is not given stays as it is.

        PATCH /v1/transformation-projects/{project_id}

        Args:
            project_id: The project.
            type: What it is already.
            project_config: `folder_path`, `git_branch`, `target_name`, `threads` and
                `environment_vars` can change. A model leaves out what is empty: to empty a list,
                give a mapping.
            run_tests: Test it at once, which may take minutes.
        """
        return await self._transport.call(
            _UPDATE,
            TransformationProject,
            project_id,
            body={"type": type, "project_config": project_config, "run_tests": run_tests},
        )

    async def delete(self, project_id: str) -> ActionResult:
        """
        Delete a project.

        DELETE /v1/transformation-projects/{project_id}
        """
        return await self._transport.call(_DELETE, ActionResult, project_id)

    async def run_tests(self, project_id: str) -> TransformationProject:
        """
        Test a project and wait for the results, which may take minutes: `setup_tests`.

        POST /v1/transformation-projects/{project_id}/test

        Raises:
            AmbiguousOutcomeError: The tests may have run; they were not asked for twice.
        """
        return await self._transport.call(_RUN_TESTS, TransformationProject, project_id)
