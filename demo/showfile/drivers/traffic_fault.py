"""More traffic: a load of the show at many times its rate. The load is sent by the show's server, and ends with it."""

import os
from collections.abc import Mapping
from typing import Any

from demo.errors import FaultError
from demo.processes.child import start_time_of
from demo.processes.process_ref import ProcessRef
from demo.showfile.drivers.context import DriverContext
from demo.showfile.drivers.fault_config import config_of, heal_timeout_of
from demo.showfile.drivers.observation import Observation
from demo.showfile.drivers.proof import Proof
from demo.showfile.schema.faults import FaultSettings, TrafficTarget
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import ChaosType, Plan


class TrafficFault:
    """Multiplies the rate of a load. Once the process that sends it has ended, there is nothing left to undo."""

    def __init__(self, name: str, fault: FaultSettings, settings: FrontMatter, context: DriverContext) -> None:
        if fault.traffic is None:
            raise TypeError(f"{name} is not a fault by traffic")
        self._traffic: TrafficTarget = fault.traffic
        self.config = config_of(name, fault, ChaosType.BURST_TRAFFIC, self._traffic.times)
        self._fault, self._context = fault, context
        self._proof = Proof.by(fault.healed or "", settings)
        self._observation = Observation.of(fault, context)

    @property
    def target(self) -> str:
        return self._traffic.load

    @property
    def observable(self) -> str:
        return self._observation.words("something is not up")

    async def plan(self) -> Plan:
        loads, load = self._context.loads, self._traffic.load
        if loads is None:
            raise FaultError(f"the load {load} is not sent, so there is nothing to multiply")
        if loads.multiplied(load) != 1:
            raise FaultError(f"the load {load} is sent {loads.multiplied(load):g} times already: heal that fault first")
        known = self._context.secrets
        known.require(self._proof.names)
        undo = {
            "load": load,
            "pid": os.getpid(),
            "born": start_time_of(os.getpid()),
            "secrets": known.only(self._proof.names),
            "proof": self._proof.data(),
            "heal_timeout": self._fault.heal_timeout,
        }
        return Plan("traffic", load, undo, "end the show: its load ends with it", 0.0)

    async def inject(self, plan: Plan) -> None:
        if self._context.loads is not None:
            self._context.loads.multiply(plan.undo["load"], self._traffic.times, self._traffic.concurrency)

    async def heal(self, plan: Plan) -> None:
        if self._is_ours(plan):
            if self._context.loads is not None:
                self._context.loads.multiply(plan.undo["load"], 1)
        elif not _sender_of(plan).has_terminated:
            raise FaultError(f"the load {plan.target} is sent by process {plan.undo['pid']}, which still runs")

    def _is_ours(self, plan: Plan) -> bool:
        return _sender_of(plan) == ProcessRef(os.getpid(), start_time_of(os.getpid()))

    async def is_healed(self, plan: Plan) -> bool:
        loads = self._context.loads
        is_normal = self._is_ours(plan) and (loads is None or loads.multiplied(plan.undo["load"]) == 1)
        if not is_normal and not _sender_of(plan).has_terminated:
            return False
        return await Proof(**plan.undo["proof"]).holds(self._context, plan.undo["secrets"])

    def heal_timeout(self, plan: Plan) -> float:
        return heal_timeout_of(plan)

    def is_seen(self, health: Mapping[str, Any], since: float) -> bool:
        return self._observation.is_seen(health)


def _sender_of(plan: Plan) -> ProcessRef:
    return ProcessRef(plan.undo["pid"], plan.undo["born"])
