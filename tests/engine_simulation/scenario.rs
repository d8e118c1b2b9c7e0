//! Random starts: a plan, a policy, whether anything goes wrong.

use loopmon::model::event::RunStart;
use std::collections::BTreeMap;

use loopmon::model::policy::{Limits, Promotion, Retry, ReviewRules, Team};
use loopmon::model::{
    AfterFix, Checks, GateSpec, HumanGate, OnCheckChange, OnMax, Pattern, Plan, PlanTask, Policy, Quorum,
    TaskId,
};

use crate::chance::Chance;

/// How a run begins and how much goes wrong in it.
pub struct Scenario {
    pub start: RunStart,
    /// The plan that the planner will return, where it was not brought.
    pub plan: Plan,
    /// Percent of outcomes that are bad.
    pub faults: u64,
    /// Steps at which anything may happen; then the world calms down.
    pub turbulent: u64,
}

impl Scenario {
    /// A random one. Every sixth has no faults at all.
    pub fn random(chance: &mut Chance) -> Scenario {
        let faults = if chance.below(6) == 0 { 0 } else { 5 + chance.below(45) };
        let plan = Plan { goal: "a goal".to_owned(), tasks: tasks(chance) };
        let brought = !chance.percent(20);
        let start = RunStart {
            run: "r".into(),
            goal: "a goal".to_owned(),
            policy: policy(chance, faults > 0),
            branch: Some("main".to_owned()),
            base: "base".into(),
            plan: brought.then(|| plan.clone()),
            go: chance.percent(80),
        };
        Scenario { start, plan, faults, turbulent: 20 + chance.below(180) }
    }
}

/// One to twelve tasks, each after some of those before it; listed in any order.
fn tasks(chance: &mut Chance) -> Vec<PlanTask> {
    let count = 1 + chance.below(12);
    let density = chance.below(60);
    let mut tasks: Vec<PlanTask> = Vec::new();
    for number in 0..count {
        let before: Vec<TaskId> = tasks.iter().map(|task| task.id.clone()).collect();
        let depends_on = before.into_iter().filter(|_| chance.percent(density)).take(3).collect();
        let id = TaskId(format!("t{number}"));
        let human = chance.percent(25);
        let title = format!("do {id}");
        let locks = if chance.percent(20) { vec!["port".to_owned()] } else { Vec::new() };
        let role = chance.percent(30).then(|| "backend".to_owned());
        let pattern = if chance.percent(20) { Some(pattern(chance)) } else { None };
        let priority = if chance.percent(10) { 5 } else { 0 };
        tasks.push(PlanTask {
            title,
            id,
            depends_on,
            human,
            locks,
            role,
            pattern,
            priority,
            ..PlanTask::default()
        });
    }
    for index in (1..tasks.len()).rev() {
        let other = chance.below(index as u64 + 1) as usize;
        tasks.swap(index, other);
    }
    tasks
}

fn pattern(chance: &mut Chance) -> Pattern {
    chance.weighted(&Pattern::ALL.map(|pattern| (1, pattern)))
}

fn policy(chance: &mut Chance, faults: bool) -> Policy {
    let reviewers = chance.below(4);
    let gates = chance.below(4);
    let gate = |number: u64| GateSpec {
        name: format!("g{number}"),
        argv: vec!["true".to_owned()],
        cwd: String::new(),
        timeout_ms: 1_000,
        parallel: number % 2 == 1 || reviewers == 2,
        always: number == 3,
        ..GateSpec::default()
    };
    let on_change = [(2, OnCheckChange::Allow), (1, OnCheckChange::Person), (1, OnCheckChange::Reject)];
    let checks = Checks {
        protect: vec!["tests/**".to_owned()],
        on_change: chance.weighted(&on_change),
        roles: Vec::new(),
        tolerate_red: chance.percent(30),
    };
    let some = |chance: &mut Chance, percent, below: u64| {
        if faults && chance.percent(percent) { 1 + chance.below(below) } else { 0 }
    };
    let limits = Limits {
        run_tokens: some(chance, 5, 1_000),
        run_ms: some(chance, 5, 2_000),
        task_micros: some(chance, 10, 300),
        task_tokens: 0,
        task_ms: some(chance, 5, 300),
        roles: BTreeMap::new(),
    };
    let review = ReviewRules {
        fallback: (0..chance.below(3)).map(|number| format!("spare{number}").as_str().into()).collect(),
        continue_on_fail: chance.percent(70),
    };
    let promotion = Promotion { recurring: 2, spot_check: chance.below(3) as u32, ..Promotion::default() };
    Policy {
        checks,
        limits,
        review,
        promotion,
        pattern: pattern(chance),
        foresee: chance.percent(50),
        heed_edits: chance.percent(50),
        rank_by_time: chance.percent(50),
        team: Team {
            known: vec!["ada".into(), "pam".into()],
            planner: "pam".into(),
            implementer: "ada".into(),
            role_places: BTreeMap::from([("backend".to_owned(), 1 + chance.below(2) as u32)]),
            agent_places: BTreeMap::from([("rev0".into(), 1 + chance.below(3) as u32)]),
            reviewers: (0..reviewers).map(|number| format!("rev{number}").as_str().into()).collect(),
            ..Team::default()
        },
        gates: (0..gates).map(gate).collect(),
        parallel: 1 + chance.below(4) as u32,
        max_rounds: 1 + chance.below(4) as u32,
        on_max: chance.weighted(&[(2, OnMax::ReturnLast), (1, OnMax::Fail), (1, OnMax::Escalate)]),
        after_fix: chance.weighted(&[(2, AfterFix::Validate), (1, AfterFix::Implement)]),
        quorum: chance.weighted(&[(2, Quorum::All), (1, Quorum::AtLeast(1)), (1, Quorum::AtLeast(2))]),
        human_gate: chance.weighted(&[(1, HumanGate::Never), (2, HumanGate::Marked), (1, HumanGate::Always)]),
        retry: Retry {
            attempts: 1 + chance.below(3) as u32,
            corrections: chance.below(4) as u32,
            backoff_ms: 10,
            backoff_cap_ms: 100,
            same_failure: chance.below(4) as u32,
            ..Retry::default()
        },
        budget_micros: if faults && chance.percent(25) { 50 + chance.below(1_000) } else { 0 },
    }
}
