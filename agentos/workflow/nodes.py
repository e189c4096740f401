"""What may stand in a workflow's list of steps, made into steps."""

from collections.abc import Sequence
from typing import Any

from agentos.workflow.node import Node

__all__ = ["node_of", "nodes_of"]


def node_of(thing: Any) -> Node:
    """Return the step for what a program gave: a step, a function, an agent, a team, a workflow, a list of them.

    Raises:
        TypeError: it is nothing that can be a step.
    """
    from agentos.workflow.step import Step
    from agentos.workflow.steps import Steps

    if isinstance(thing, Node):
        return thing
    if isinstance(thing, list | tuple):
        return Steps(steps=list(thing))
    if hasattr(thing, "perform"):
        return Step.of_component(thing)
    if callable(thing):
        return Step(name=getattr(thing, "__name__", type(thing).__name__), executor=thing)
    raise TypeError(f"A {type(thing).__name__} cannot be a step of a workflow.")


def nodes_of(things: Sequence[Any] | None) -> list[Node]:
    """Return the steps for a list of such things."""
    return [node_of(thing) for thing in things or ()]
