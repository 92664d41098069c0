from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import Self

class ConfigurableResource:
    def __init__(self, **values: object) -> None: ...

class AssetKey:
    def __init__(self, path: str | Sequence[str]) -> None: ...
    def to_user_string(self) -> str: ...

class AssetSpec:
    def __init__(
        self,
        key: AssetKey | str,
        *,
        skippable: bool = False,
        group_name: str | None = None,
        kinds: set[str] | None = None,
        metadata: Mapping[str, object] | None = None,
    ) -> None: ...

class AssetsDefinition: ...
class EnvVar(str): ...

class Definitions:
    def __init__(
        self, *, assets: Sequence[AssetsDefinition], resources: Mapping[str, object]
    ) -> None: ...

class _Log:
    def info(self, message: str) -> None: ...

class AssetExecutionContext:
    resources: object
    log: _Log
    selected_asset_keys: AbstractSet[AssetKey]

class MaterializeResult:
    def __init__(
        self, asset_key: AssetKey | None = None, metadata: Mapping[str, object] | None = None
    ) -> None: ...

class Failure(Exception):
    def __init__(
        self, description: str | None = None, metadata: Mapping[str, object] | None = None
    ) -> None: ...

def multi_asset(
    *,
    specs: Sequence[AssetSpec],
    name: str | None = None,
    can_subset: bool = False,
    required_resource_keys: AbstractSet[str] | None = None,
) -> Callable[
    [Callable[[AssetExecutionContext], Iterator[MaterializeResult]]], AssetsDefinition
]: ...

class DagsterInstance:
    @staticmethod
    def ephemeral() -> DagsterInstance: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

class MetadataValue:
    value: object

class AssetMaterialization:
    metadata: Mapping[str, MetadataValue]

class UserFailureData:
    metadata: Mapping[str, MetadataValue]

class StepFailureData:
    user_failure_data: UserFailureData | None

class DagsterEvent:
    asset_key: AssetKey | None
    materialization: AssetMaterialization
    is_step_failure: bool
    step_failure_data: StepFailureData
    message: str

class ExecuteInProcessResult:
    success: bool
    all_events: Sequence[DagsterEvent]
    def get_asset_materialization_events(self) -> Sequence[DagsterEvent]: ...

def materialize(
    assets: Sequence[AssetsDefinition],
    *,
    instance: DagsterInstance | None = None,
    resources: Mapping[str, object] | None = None,
    selection: Sequence[str] | None = None,
    raise_on_error: bool = True,
) -> ExecuteInProcessResult: ...
