"""What a function wants to be called with: the JSON schema of its arguments, and their check before the call."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, get_type_hints

from agentos.tools.schema import plain_schema

__all__ = ["INJECTED", "BadArguments", "Signature", "takes"]

# Parameters the run fills in, by name (Agno's names); a model never sees them.
INJECTED: Final = frozenset(
    {"run_context", "agent", "team", "session_state", "dependencies", "images", "videos", "audio", "files", "self"}
)
_VARIADIC: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class BadArguments(ValueError):
    """Arguments a function cannot be called with; the text says which and why, for the model to try again."""


@dataclass(eq=False)
class Signature:
    """Reads one callable. Nothing is worked out before it is asked for, so types may be defined after the function."""

    target: Callable[..., Any]

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """All parameters by name; some callables written in C do not tell."""
        try:
            return dict(inspect.signature(self.target).parameters)
        except (TypeError, ValueError):
            return {}

    @property
    def takes_any(self) -> bool:
        """Whether arguments of any name are welcome (`**kwargs`)."""
        return any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in self.parameters.values())

    @cached_property
    def wanted(self) -> dict[str, inspect.Parameter]:
        """The parameters a model has to fill in, in order."""
        named = ((name, parameter) for name, parameter in self.parameters.items() if parameter.kind not in _VARIADIC)
        return {name: parameter for name, parameter in named if name not in INJECTED}

    @cached_property
    def hints(self) -> dict[str, Any]:
        """Type of each wanted parameter that has one; types that cannot be found are as if not written."""
        try:
            found = get_type_hints(_annotated(self.target), include_extras=True)
        except Exception:  # annotations may be any expression, and name what is imported for type checkers only
            found = {name: parameter.annotation for name, parameter in self.wanted.items()}
        usable = {name: hint for name, hint in found.items() if not isinstance(hint, str)}
        return {name: usable[name] for name in self.wanted if usable.get(name) not in (None, inspect.Parameter.empty)}

    @cached_property
    def _docstring(self) -> tuple[str, dict[str, str]]:
        import docstring_parser

        text = inspect.getdoc(_written(self.target)) or ""
        try:
            read = docstring_parser.parse(text)
        except docstring_parser.ParseError:
            return text, {}
        told = (read.short_description, read.long_description)
        described = {item.arg_name.lstrip("*"): item.description or "" for item in read.params}
        return "\n".join(part for part in told if part), described

    @property
    def description(self) -> str:
        """What the docstring says before its parameters; "" without one."""
        return self._docstring[0]

    @property
    def descriptions(self) -> dict[str, str]:
        """What the docstring says of each parameter."""
        return self._docstring[1]

    @cached_property
    def _model(self) -> Any:
        """A pydantic model with a field for each parameter, whose name is an alias: a parameter may have any."""
        from pydantic import ConfigDict, Field, create_model

        fields: dict[str, Any] = {}
        for number, (name, parameter) in enumerate(self.wanted.items()):
            given = parameter.default
            if _is_field(given):
                given = given.__class__.merge_field_infos(given, alias=name, validation_alias=name)
            else:
                given = Field(... if given is inspect.Parameter.empty else given, alias=name)
            fields[f"p{number}"] = (self.hints.get(name, Any), given)
        config = ConfigDict(arbitrary_types_allowed=True, extra="allow" if self.takes_any else "forbid")
        return create_model("Arguments", __config__=config, **fields)

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments, an object."""
        schema = plain_schema(self._model)
        for name, told in self.descriptions.items():
            if told and name in schema["properties"]:
                schema["properties"][name].setdefault("description", told)
        return schema

    def convert(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments as the types the function asks for; what was not given keeps the function's default.

        Raises:
            BadArguments: one is missing, unknown or of a wrong type.
        """
        from pydantic import ValidationError

        try:
            model = self._model.model_validate(arguments)
        except ValidationError as error:
            raise BadArguments(_told(error)) from None
        return dict(self._values(model)) | (model.model_extra or {})

    def _values(self, model: Any) -> Iterator[tuple[str, Any]]:
        for number, (name, parameter) in enumerate(self.wanted.items()):
            key = f"p{number}"
            if key in model.model_fields_set or _is_field(parameter.default):
                yield name, getattr(model, key)


def takes(target: Callable[..., Any], offered: dict[str, Any]) -> dict[str, Any]:
    """Return those of the offered arguments that the callable has parameters for."""
    return {name: offered[name] for name in Signature(target).parameters if name in offered}


def _written(target: Callable[..., Any]) -> Any:
    """Return the function as it was written: within decorators, of a partial what it calls."""
    target = inspect.unwrap(target)
    return _written(target.func) if isinstance(target, partial) else target


def _annotated(target: Callable[..., Any]) -> Any:
    """Return where the annotations are: of a class its constructor's, of any other object its `__call__`'s."""
    written = _written(target)
    if inspect.isclass(written):
        return written.__init__
    return written if inspect.isroutine(written) else type(written).__call__


def _is_field(default: Any) -> bool:
    from pydantic.fields import FieldInfo

    return isinstance(default, FieldInfo)


def _told(error: Any) -> str:
    """Say in a line each what is wrong."""
    lines = (
        f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}" for item in error.errors(include_url=False)
    )
    return "Error: the arguments do not fit the tool.\n" + "\n".join(lines)
