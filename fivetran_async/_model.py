"""The base of models: immutable data with typed fields, and a place for unknown ones."""

from collections.abc import Callable, Mapping
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Self,
    TypeAlias,
    TypeVar,
    dataclass_transform,
    overload,
)

import attrs

from fivetran_async._codec import encode
from fivetran_async._codec._fields import (
    ALWAYS_SENT,
    NO_EXTRA,
    OTHER_NAMES,
    UNKNOWN_FIELDS,
    WIRE_NAME,
)
from fivetran_async._codec._serializable import Serializable
from fivetran_async.errors import InvalidArgumentError, ResponseFormatError, UsageError

C = TypeVar("C", bound=type)
V = TypeVar("V")

Shown: TypeAlias = bool | Callable[[Any], str]


@overload
def field(
    *,
    default: V,
    repr: Shown = True,
    wire: str | None = None,
    others: tuple[str, ...] = (),
    always_sent: bool = False,
) -> V: ...
@overload
def field(
    *, factory: type[dict[Any, Any]], repr: Shown = True, wire: str | None = None
) -> dict[str, Any]: ...
@overload
def field(*, factory: Callable[[], V], repr: Shown = True, wire: str | None = None) -> V: ...
@overload
def field(*, repr: Shown = True, wire: str | None = None) -> Any: ...  # noqa: ANN401
def field(
    *,
    default: object = attrs.NOTHING,
    factory: Callable[[], object] | None = None,
    repr: Shown = True,
    wire: str | None = None,
    others: tuple[str, ...] = (),
    always_sent: bool = False,
) -> Any:
    """
    Declare a field that needs more than an annotation and a default.

    Args:
        default: The empty value.
        factory: Makes the empty value, if objects must not share one.
        repr: False hides the value from `repr`: configs and secrets. A function returns what is
            shown: URLs, which may carry a token.
        wire: The field's name in the API, if Python needs another.
        others: Names that some accounts or versions of the API use instead; read if the name itself
            is absent or empty, and never written.
        always_sent: True writes the empty value too: the API requires the field.
    """
    metadata: dict[str, object] = {} if wire is None else {WIRE_NAME: wire}
    if others:
        metadata[OTHER_NAMES] = others
    if always_sent:
        metadata[ALWAYS_SENT] = True
    return attrs.field(default=default, factory=factory, repr=repr, metadata=metadata)


@dataclass_transform(
    kw_only_default=True, frozen_default=True, field_specifiers=(field, attrs.field)
)
def model(cls: C) -> C:
    """
    Make a class of annotated fields a model: frozen, slotted, keyword-only, not hashable.

    Fields are `str`, `bool`, `int`, `float`, `datetime`, `object`, another model, `tuple[T, ...]`
    or `Mapping[str, T]` of these, each optionally `| None`. A field without default is the
    object's identity: a value without it does not decode to the class.

    Raises:
        UsageError: The class has validators or converters of attrs, which decoding does not run.
    """
    made = attrs.frozen(cls, kw_only=True, unsafe_hash=False)
    if hasattr(made, "__attrs_post_init__"):
        raise UsageError(f"{cls.__name__}: decoding does not run __attrs_post_init__")
    for attribute in attrs.fields(made):
        if attribute.converter is not None or attribute.validator is not None:
            raise UsageError(f"{cls.__name__}.{attribute.name}: decoding runs no converters")
    return made


@model
class Model(Serializable):
    """
    The base of all models.

    Attributes:
        extra: Unknown fields, and the raw values of fields that were not of their declared type,
            each under its name in the API. Two objects are equal only if it is equal, too.
    """

    extra: Mapping[str, object] = attrs.field(
        default=NO_EXTRA, repr=False, metadata={UNKNOWN_FIELDS: True}
    )

    if TYPE_CHECKING:
        # For checkers, this is an attrs class, so that `attrs.fields` accepts it.
        __attrs_attrs__: ClassVar[tuple[attrs.Attribute[Any], ...]]

    __hash__: ClassVar[None]  # type: ignore[assignment]  # open mappings are plain dicts

    @classmethod
    def from_dict(cls, mapping: Mapping[str, object]) -> Self:
        """
        Make an object of a mapping with the API's names, as `to_dict` or `json.loads` returns it.

        Raises:
            ResponseFormatError: The identity is missing, or the mapping has a value that JSON
                cannot express; the message names the place.
        """
        from fivetran_async._codec import decode  # noqa: PLC0415 - loads cattrs

        try:
            value = encode(mapping, place=cls.__name__)
        except InvalidArgumentError as error:
            problem = error.message
        else:
            return decode(value, cls, place=cls.__name__)
        raise ResponseFormatError(problem, place=cls.__name__)
