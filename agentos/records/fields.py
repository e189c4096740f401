"""Typed views of one JSON object.

`Message.role = Text()` reads `raw["role"]` when it is a string and reads as missing otherwise: stored JSON is never
trusted to have the type Agno gives it. Nothing is copied or converted, so what was parsed is dumped unchanged.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, overload

from agentos.records.encoding import RecordError, readable

__all__ = [
    "Field",
    "Flag",
    "Integer",
    "Many",
    "Number",
    "Object",
    "Objects",
    "One",
    "Read",
    "Record",
    "Switch",
    "Text",
    "Texts",
    "Value",
    "as_number",
    "json_type",
    "plain",
    "views",
]

T = TypeVar("T")
R = TypeVar("R", bound="Record")

# What every database column for integers can hold.
_LARGEST: Final = 2**63 - 1


class Record:
    """A view of the JSON object `raw`: attributes read from it, `to_dict` returns it.

    Keyword arguments are the fields' names, which are Agno's keys; None leaves the key out, as Agno does.

    Raises:
        TypeError: a keyword argument that is no field.
    """

    __slots__ = ("raw",)
    # Agno writes some objects with every key, null or not; their classes list the keys here.
    always: ClassVar[tuple[str, ...]] = ()

    raw: dict[str, Any]

    def __init__(self, **values: Any) -> None:
        self.raw = dict.fromkeys(self.always)
        for name, value in values.items():
            field = getattr(type(self), name, None)
            if not isinstance(field, Field):
                raise TypeError(f"{type(self).__name__} has no field {name!r}")
            if value is not None:
                self.raw[field.key] = plain(value)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Return a view of `data` itself, not of a copy.

        Raises:
            RecordError: `data` is not a JSON object.
        """
        if not isinstance(data, dict):
            raise RecordError(f"A {cls.__name__} is a JSON object, not {json_type(data)}.")
        record = cls.__new__(cls)
        record.raw = data
        return record

    def to_dict(self) -> dict[str, Any]:
        """Return the object this record views, with everything the record does not understand."""
        return self.raw

    def __eq__(self, other: object) -> bool:
        """Records of one class are equal when the objects they view are."""
        return type(other) is type(self) and isinstance(other, Record) and other.raw == self.raw

    def __repr__(self) -> str:
        """Name the keys only: values may be megabytes, or secret."""
        return f"{type(self).__name__}({', '.join(map(str, self.raw))})"


class Field(ABC, Generic[T]):
    """A descriptor for one key; subclasses say in `read` what they accept."""

    def __init__(self, key: str = "") -> None:
        self.key = key

    def __set_name__(self, owner: type, name: str) -> None:
        """Take the attribute's name for the key, unless one was given."""
        self.key = self.key or name

    @overload
    def __get__(self, record: None, owner: type) -> Self: ...
    @overload
    def __get__(self, record: Record, owner: type) -> T: ...
    def __get__(self, record: Record | None, owner: type) -> Self | T:
        """Read the key of a record; asked of the class, return the descriptor itself."""
        return self if record is None else self.read(record.raw.get(self.key))

    def __set__(self, record: Record, value: T) -> None:
        """Store the value, records as the objects they view."""
        record.raw[self.key] = plain(value)

    @abstractmethod
    def read(self, value: Any) -> T:
        """Return the stored value, or what stands for a missing one."""


class Value(Field[Any]):
    """Any JSON value."""

    def read(self, value: Any) -> Any:
        """Return it as it is."""
        return value


class Text(Field[str | None]):
    """A string; lone surrogates, which nothing can show or store, read as replacement characters."""

    def read(self, value: Any) -> str | None:
        """Return a string that can be encoded."""
        if not isinstance(value, str):
            return None
        return value if value.isascii() else readable(value)


class Integer(Field[int | None]):
    """A whole number of at most 64 bits; a float is cut off."""

    def read(self, value: Any) -> int | None:
        """Return the number; booleans are none."""
        number = as_number(value)
        return int(number) if number is not None and abs(number) <= _LARGEST else None


class Number(Field[float | None]):
    """A finite number."""

    def read(self, value: Any) -> float | None:
        """Return it as a float."""
        number = as_number(value)
        return float(number) if number is not None and abs(number) <= 1e300 else None


class Flag(Field[bool]):
    """A boolean that is false when missing."""

    def read(self, value: Any) -> bool:
        """Only true is true."""
        return value is True


class Switch(Field[bool | None]):
    """A boolean that may be undecided."""

    def read(self, value: Any) -> bool | None:
        """Return None for anything but a boolean."""
        return value if isinstance(value, bool) else None


class Object(Field[dict[str, Any] | None]):
    """A JSON object."""

    def read(self, value: Any) -> dict[str, Any] | None:
        """Return the stored object itself."""
        return value if isinstance(value, dict) else None


class Objects(Field[list[Any]]):
    """A JSON list of whatever; empty when missing."""

    def read(self, value: Any) -> list[Any]:
        """Return the stored list itself."""
        return value if isinstance(value, list) else []


class Texts(Field[list[str]]):
    """A list of strings; other elements are passed over."""

    def read(self, value: Any) -> list[str]:
        """Return the strings of the list."""
        return [readable(item) for item in value if isinstance(item, str)] if isinstance(value, list) else []


class One(Field[R | None]):
    """A nested record."""

    def __init__(self, record_class: type[R], key: str = "") -> None:
        super().__init__(key)
        self.record_class = record_class

    def read(self, value: Any) -> R | None:
        """Return a view of the stored object."""
        return self.record_class.from_dict(value) if isinstance(value, dict) else None


class Read(Field[T]):
    """Whatever a function makes of the stored value; it must take any."""

    def __init__(self, reader: Callable[[Any], T], key: str = "") -> None:
        super().__init__(key)
        self.reader = reader

    def read(self, value: Any) -> T:
        """Return what the function makes of it."""
        return self.reader(value)


class Many(Field[list[R]]):
    """A list of nested records; elements that are no objects are passed over."""

    def __init__(self, record_class: type[R], key: str = "") -> None:
        super().__init__(key)
        self.record_class = record_class

    def read(self, value: Any) -> list[R]:
        """Return a view of each stored object."""
        return views(self.record_class, value)


def views(record_class: type[R], value: Any) -> list[R]:
    """Return a view of each object in a list; of anything else, none."""
    if not isinstance(value, list):
        return []
    found, new = [], record_class.__new__
    for item in value:
        if isinstance(item, dict):
            # As from_dict does; a call less, for messages by the million.
            record = new(record_class)
            record.raw = item
            found.append(record)
    return found


def as_number(value: Any) -> int | float | None:
    """Return a number that is finite; booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def plain(value: Any) -> Any:
    """Return the JSON value behind a record or a list of records; anything else is JSON already."""
    if isinstance(value, Record):
        return value.raw
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [item.raw if isinstance(item, Record) else item for item in value]
    return value


def json_type(value: Any) -> str:
    """Name a JSON value's type as a sentence does."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "something that is not JSON")
