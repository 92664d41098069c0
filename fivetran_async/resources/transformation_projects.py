"""`fivetran.transformation_projects` - <https://fivetran.com/docs/rest-api/api-reference/transformation-project>."""

from collections.abc import Mapping
from datetime import datetime

from fivetran_async._http.base_url import shown_url
from fivetran_async._http.operation import operation
from fivetran_async._http.result import ActionResult
from fivetran_async._model import Model, field, model
from fivetran_async._types import UNSET, Unset
from fivetran_async.pagination import Pager
from fivetran_async.resources._choices import ProjectTypeChoice
from fivetran_async.resources._resource import Resource
from fivetran_async.resources.setup_tests import SetupTest


@model
class TransformationProjectConfig(Model):
    """
    The location of a project's code, and its dbt settings.

    Attributes:
        dbt_version: The version of dbt; cannot change later.
        default_schema: The schema of its tables; cannot change later.
        git_remote_url: The repository; cannot change later.
        git_branch: The branch.
        folder_path: The folder of the project in the repository.
        target_name: The dbt target.
        threads: The number of models built in parallel.
        environment_vars: Environment variables, such as `DBT_REGION=eu`.
        public_key: The public key that the repository must accept. Only in responses.
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
        type: `DBT_CORE`; Terraform also knows `DBT_GIT`.
        status: `NOT_READY`, `READY` or `ERROR`; empty in lists.
        created_by_id: The user who created it.
        errors: The reasons for a status other than `READY`.
        project_config: The location of its code; empty in lists.
        setup_tests: The results, in responses to calls that ran the setup tests.
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
    shown_by=_GET,
)


class TransformationProjects(Resource):
    """
    `fivetran.transformation_projects`: manage the dbt projects that transformations run.

    <https://fivetran.com/docs/rest-api/api-reference/transformation-project>
    """

    def list(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> Pager[TransformationProject]:
        """
        List the dbt projects of the account, without their `project_config` and `status`.

        GET /v1/transformation-projects

        Args:
            limit: Projects per page, 1 to 1000.
            cursor: The page to start with, as the `next_cursor` of the page before it.
        """
        return self._transport.pager(_LIST, TransformationProject, limit=limit, cursor=cursor)

    async def get(self, project_id: str) -> TransformationProject:
        """
        Return one dbt project.

        GET /v1/transformation-projects/{project_id}
        """
        return await self._transport.call(_GET, TransformationProject, project_id)

    async def create(
        self,
        *,
        group_id: str,
        type: ProjectTypeChoice,
        project_config: TransformationProjectConfig | Mapping[str, object],
        run_tests: bool | Unset = UNSET,
    ) -> TransformationProject:
        """
        Create a dbt project.

        POST /v1/transformation-projects

        Args:
            group_id: The group; the project uses its destination. Cannot change later.
            type: `DBT_CORE`; Terraform also knows `DBT_GIT`.
            project_config: The location of the code; `dbt_version`, `default_schema` and
                `git_remote_url` are required.
            run_tests: True also runs the setup tests, which can take minutes.

        Raises:
            AmbiguousOutcomeError: It may have been created; list the projects to check.
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
        type: ProjectTypeChoice | Unset = UNSET,
        project_config: TransformationProjectConfig | Mapping[str, object] | Unset = UNSET,
        run_tests: bool | Unset = UNSET,
    ) -> TransformationProject:
        """
        Update a dbt project; fields that are not given keep their values.

        PATCH /v1/transformation-projects/{project_id}

        Args:
            project_id: The project.
            type: The current type, which cannot change.
            project_config: Only `folder_path`, `git_branch`, `target_name`, `threads` and
                `environment_vars` can change. Models omit empty fields; to clear a list, pass a
                mapping.
            run_tests: True also runs the setup tests, which can take minutes.
        """
        return await self._transport.call(
            _UPDATE,
            TransformationProject,
            project_id,
            body={"type": type, "project_config": project_config, "run_tests": run_tests},
        )

    async def delete(self, project_id: str) -> ActionResult:
        """
        Delete a dbt project.

        DELETE /v1/transformation-projects/{project_id}
        """
        return await self._transport.call(_DELETE, ActionResult, project_id)

    async def run_tests(self, project_id: str) -> TransformationProject:
        """
        Run the setup tests of a project, which can take minutes; see `setup_tests`.

        POST /v1/transformation-projects/{project_id}/test

        Raises:
            AmbiguousOutcomeError: The tests may have started; the request was not retried.
        """
        return await self._transport.call(_RUN_TESTS, TransformationProject, project_id)
