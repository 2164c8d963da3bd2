"""A whole run in memory: what a consumer keeps in topics and views, kept in dictionaries (S67, S107).

The same `decide` and `evolve` as the consumer's; badge-level counts are settled at once, in the order given.
"""

from __future__ import annotations

from badges.actions import CustomerAction
from badges.customer import CustomerState
from badges.decide import decide
from badges.decisions import Noise, Verdict
from badges.definitions import BadgeDefinition, BadgeRecord, OrgSettings
from badges.edits import accept, accept_settings
from badges.evolve import evolve
from badges.explain import explain
from badges.limits import SharedCounts
from badges.rulebook import OrgRules, compile_org


class _Org:
    """One org: its documents, its rules compiled from them when they are next needed, and its customers."""

    __slots__ = ("_rules", "customers", "default", "records", "settings", "shared")

    def __init__(self, org_id: int) -> None:
        self.default = OrgSettings(org_id)
        self.settings: OrgSettings | None = None
        self.records: dict[str, BadgeRecord] = {}
        self.customers: dict[str, CustomerState] = {}
        self.shared = SharedCounts(self.customers)
        self._rules: OrgRules | None = None

    @property
    def rules(self) -> OrgRules:
        """Compiled once per change, not once per line."""
        if self._rules is None:
            self._rules = compile_org(self.settings or self.default, self.records)
        return self._rules

    def changed(self) -> None:
        """To be called after a document was taken over."""
        self._rules = None


class Simulation:
    """Takes documents and actions in processing order. Instants are epoch milliseconds, never decreasing."""

    def __init__(self) -> None:
        self._orgs: dict[int, _Org] = {}

    def _org(self, org_id: int) -> _Org:
        org = self._orgs.get(org_id)
        if org is None:
            org = self._orgs[org_id] = _Org(org_id)
        return org

    def define(self, definition: BadgeDefinition, at: int) -> None:
        """Puts a definition in force (S79). Raises `edits.Refused` and changes nothing."""
        org = self._org(definition.org_id)
        badge_id = definition.badge_id
        settings = org.settings or org.default
        org.records[badge_id] = accept(definition, org.records.get(badge_id), org.records, settings, at)
        org.changed()

    def settle(self, settings: OrgSettings) -> None:
        """Puts settings in force (S91, S92). Raises `edits.Refused` and changes nothing."""
        org = self._org(settings.org_id)
        org.settings = accept_settings(settings, org.settings, bool(org.records))
        org.changed()

    def act(self, action: CustomerAction, at: int) -> Verdict:
        """Decides an action and takes the verdict over into its customer's state."""
        org = self._org(action.org_id)
        state = org.customers.get(action.customer_id)
        if state is None:
            state = org.customers[action.customer_id] = CustomerState(action.org_id, action.customer_id)
        rules = org.rules
        verdict = decide(action, state, rules, at, org.shared)
        if verdict.decisions or verdict.registers:
            evolve(state, action, verdict, rules, at)
            org.shared.record(state, verdict, rules, at)
        return verdict

    def noise(self, action: CustomerAction, verdict: Verdict) -> list[tuple[str, Noise]]:
        """Why the action just decided yielded nothing where a criterion names it (S110), by badge id."""
        org = self._orgs[action.org_id]
        concerned = frozenset(decision.badge_id for decision in verdict.decisions)
        return explain(action, org.customers[action.customer_id], org.rules, concerned)

    def rules(self, org_id: int) -> OrgRules:
        """The rules in force of an org, those of S91 where it has none."""
        org = self._orgs.get(org_id)
        return org.rules if org else compile_org(OrgSettings(org_id), {})

    def customer(self, org_id: int, customer_id: str) -> CustomerState:
        """What is known of a customer; an empty state where nothing is (S102). Not to be changed."""
        org = self._orgs.get(org_id)
        known = org.customers.get(customer_id) if org else None
        return known or CustomerState(org_id, customer_id)
