"""What a paused workflow run waits for."""

from typing import Any

from agentos.records.requirements import ErrorRequirement, StepRequirement

__all__ = ["WaitingSteps"]


class WaitingSteps:
    """What a workflow run waits for."""

    __slots__ = ()
    step_requirements: Any
    error_requirements: Any

    @property
    def active_step_requirements(self) -> list[StepRequirement]:
        """The requirements that nobody has decided on yet."""
        return [item for item in self.step_requirements if item.is_open]

    @property
    def active_error_requirements(self) -> list[ErrorRequirement]:
        """The failed steps that nobody has decided on yet."""
        return [item for item in self.error_requirements if item.needs_decision]

    @property
    def steps_requiring_confirmation(self) -> list[StepRequirement]:
        """Those that wait for a yes or no."""
        return [item for item in self.step_requirements if item.needs_confirmation]

    @property
    def steps_requiring_user_input(self) -> list[StepRequirement]:
        """Those that wait for fields to be filled in."""
        return [item for item in self.step_requirements if item.needs_user_input]

    @property
    def steps_requiring_route(self) -> list[StepRequirement]:
        """Those that wait for a choice of steps."""
        return [item for item in self.step_requirements if item.needs_route_selection]

    @property
    def steps_requiring_output_review(self) -> list[StepRequirement]:
        """Those whose output waits to be accepted."""
        return [item for item in self.step_requirements if item.needs_output_review]

    @property
    def steps_requiring_executor_resolution(self) -> list[StepRequirement]:
        """Those whose agent or team waits for somebody."""
        return [item for item in self.step_requirements if item.needs_executor_resolution]

    @property
    def steps_with_errors(self) -> list[ErrorRequirement]:
        """The failed steps that nobody has decided on yet."""
        return self.active_error_requirements
