// SPDX-License-Identifier: Apache-2.0
// peers ENGINE FOLDER [--from-json] [--rounds N]: decides the requests of a workload by regorus's register machine ("regorus") or by Cedar
// ("cedar", "cedar-flat"), compares every decision with the expected one, times single decisions, and prints one line of JSON as pol-bench does.

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::RegoVM;
use regorus::{Engine, Value};
use std::error::Error;
use std::fs::read_to_string;
use std::hint::black_box;
use std::time::Instant;

type Failure = Box<dyn Error>;

/// One engine with a workload loaded: request i is decided from its parsed form or from its text.
trait Peer {
    fn decide(&mut self, i: usize, from_json: bool) -> Result<Answer, Failure>;
    fn agrees(&self, i: usize, answer: &Answer) -> bool;
}

enum Answer {
    Rego(Value),
    Cedar(bool),
}

struct Regorus {
    vm: RegoVM,
    lines: Vec<String>,
    inputs: Vec<Value>,
    expected: Vec<Value>,
}

impl Regorus {
    fn load(folder: &str) -> Result<Regorus, Failure> {
        let query = read_to_string(format!("{folder}/query.txt"))?.trim().to_string();
        let data = Value::from_json_str(&read_to_string(format!("{folder}/data.json"))?)?;
        let mut engine = Engine::new();
        engine.add_policy("policy.rego".to_string(), read_to_string(format!("{folder}/policy.rego"))?)?;
        engine.add_data(data.clone())?;
        let compiled = engine.compile_with_entrypoint(&query.as_str().into())?;
        let program = Compiler::compile_from_policy(&compiled, &[query.as_str()])?;
        let mut vm = RegoVM::new_with_policy(compiled);
        vm.load_program(program);
        vm.set_data(data)?;
        Ok(Regorus { vm, lines: vec![], inputs: vec![], expected: vec![] })
    }

    fn requests(mut self, folder: &str) -> Result<Regorus, Failure> {
        self.lines = lines(folder, "requests.ndjson")?;
        self.inputs = self.lines.iter().map(|l| Value::from_json_str(l)).collect::<Result<_, _>>()?;
        self.expected = lines(folder, "expected.ndjson")?.iter().map(|l| Value::from_json_str(l)).collect::<Result<_, _>>()?;
        Ok(self)
    }
}

impl Peer for Regorus {
    fn decide(&mut self, i: usize, from_json: bool) -> Result<Answer, Failure> {
        let input = if from_json { Value::from_json_str(&self.lines[i])? } else { self.inputs[i].clone() };
        self.vm.set_input(input);
        Ok(Answer::Rego(self.vm.execute()?))
    }

    fn agrees(&self, i: usize, answer: &Answer) -> bool {
        matches!(answer, Answer::Rego(got) if same(&self.expected[i], got))
    }
}

/// Equal, where an array in what is expected stands for a set.
fn same(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Array(w), Value::Set(g)) => w.len() == g.len() && w.iter().all(|v| g.contains(v)),
        (Value::Object(w), Value::Object(g)) => w.len() == g.len() && w.iter().all(|(k, v)| g.get(k).is_some_and(|x| same(v, x))),
        _ => wanted == got,
    }
}

struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    lines: Vec<String>,
    requests: Vec<Request>,
    expected: Vec<bool>,
}

fn cedar_request(line: &str) -> Result<Request, Failure> {
    let mut value: serde_json::Value = serde_json::from_str(line)?;
    let uid = |name: &str| -> Result<EntityUid, Failure> { Ok(value[name].as_str().ok_or("no text")?.parse()?) };
    let (principal, action, resource) = (uid("principal")?, uid("action")?, uid("resource")?);
    let context = Context::from_json_value(value["context"].take(), None)?;
    Ok(Request::new(principal, action, resource, context, None)?)
}

impl Cedar {
    fn load(folder: &str, file: &str) -> Result<Cedar, Failure> {
        let policies: PolicySet = read_to_string(format!("{folder}/{file}"))?.parse()?;
        let entities = Entities::from_json_str(&read_to_string(format!("{folder}/entities.cedar.json"))?, None)?;
        Ok(Cedar { authorizer: Authorizer::new(), policies, entities, lines: vec![], requests: vec![], expected: vec![] })
    }

    fn requests(mut self, folder: &str) -> Result<Cedar, Failure> {
        self.lines = lines(folder, "requests.cedar.ndjson")?;
        self.requests = self.lines.iter().map(|l| cedar_request(l)).collect::<Result<_, _>>()?;
        self.expected = lines(folder, "expected.ndjson")?.iter().map(|l| l.trim() == "true").collect();
        Ok(self)
    }

    fn ask(&self, request: &Request) -> Answer {
        let response = self.authorizer.is_authorized(request, &self.policies, &self.entities);
        Answer::Cedar(response.decision() == Decision::Allow)
    }
}

impl Peer for Cedar {
    fn decide(&mut self, i: usize, from_json: bool) -> Result<Answer, Failure> {
        Ok(if from_json { self.ask(&cedar_request(&self.lines[i])?) } else { self.ask(&self.requests[i]) })
    }

    fn agrees(&self, i: usize, answer: &Answer) -> bool {
        matches!(answer, Answer::Cedar(got) if *got == self.expected[i])
    }
}

fn lines(folder: &str, file: &str) -> Result<Vec<String>, Failure> {
    Ok(read_to_string(format!("{folder}/{file}"))?.lines().map(str::to_string).collect())
}

fn peak_kb() -> i64 {
    // SAFETY: getrusage writes the structure that it is given.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage.ru_maxrss
    }
}

fn open(engine: &str, folder: &str) -> Result<(Box<dyn Peer>, usize, f64), Failure> {
    let from = Instant::now();
    let since = |from: Instant| from.elapsed().as_secs_f64() * 1e3;
    Ok(match engine {
        "regorus" => {
            let peer = Regorus::load(folder)?;
            let load = since(from);
            let peer = peer.requests(folder)?;
            let n = peer.inputs.len();
            (Box::new(peer), n, load)
        }
        "cedar" | "cedar-flat" => {
            let file = if engine == "cedar" { "policy.cedar" } else { "policy-flat.cedar" };
            let peer = Cedar::load(folder, file)?;
            let load = since(from);
            let peer = peer.requests(folder)?;
            let n = peer.requests.len();
            (Box::new(peer), n, load)
        }
        _ => return Err("the engine is regorus, cedar or cedar-flat".into()),
    })
}

fn run(engine: &str, folder: &str, from_json: bool, rounds: usize) -> Result<usize, Failure> {
    let (mut peer, n, load_ms) = open(engine, folder)?;
    let mut mismatches = 0;
    for i in 0..n {
        let answer = peer.decide(i, from_json)?;
        mismatches += usize::from(!peer.agrees(i, &answer));
    }
    let mut times = Vec::with_capacity(n * rounds);
    for _ in 0..rounds {
        for i in 0..n {
            let from = Instant::now();
            let answer = black_box(peer.decide(i, from_json)?);
            times.push(from.elapsed().as_nanos() as u64);
            drop(answer);
        }
    }
    times.sort_unstable();
    let clock = (0..1000).map(|_| Instant::now().elapsed().as_nanos() as u64).min().unwrap_or(0);
    let at = |share: usize| times[times.len() * share / 100].saturating_sub(clock);
    println!(
        "{{\"engine\": \"{engine}\", \"n\": {n}, \"ns_per_decision_median\": {}, \"p99_ns\": {}, \"load_ms\": {load_ms:.2}, \
         \"peak_rss_kb\": {}, \"mismatches\": {mismatches}}}",
        at(50),
        at(99),
        peak_kb()
    );
    Ok(mismatches)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut names, mut from_json, mut rounds) = (Vec::new(), false, 5);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--from-json" => from_json = true,
            "--rounds" => rounds = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(0),
            _ => names.push(argument),
        }
    }
    if names.len() != 2 || rounds == 0 {
        eprintln!("usage: peers regorus|cedar|cedar-flat FOLDER [--from-json] [--rounds N]");
        std::process::exit(2);
    }
    match run(&names[0], &names[1], from_json, rounds) {
        Ok(0) => (),
        Ok(_) => std::process::exit(1),
        Err(e) => {
            eprintln!("peers: {e}");
            std::process::exit(1);
        }
    }
}
