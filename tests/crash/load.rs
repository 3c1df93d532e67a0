//! A mixed load of which every answer is remembered: workers that change accounts of their own, and know after each change what has to
//! be there — or, where bnpd died before it answered, which of two things.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use bnna_tests::Answer;
use bnna_tests::bnpd_process::Bnpd;
use bnna_tests::ground::{A, B, Ground, guest, member};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::{RwLock, watch};

/// What a change may be refused with: something is at work on the account, or its status does not let it be changed.
const REFUSALS: &[&str] = &["in_use", "state", "account_suspended", "account_disabled"];

/// Throws: xorshift, so that a seed gives the same load.
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `sides`.
    pub fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// What all workers share.
pub struct Stage {
    pub ground: Ground,
    /// The bnpd that lives, as far as is known.
    pub bnpd: watch::Sender<Arc<Bnpd>>,
    /// Held by a worker during one change; taken whole by who wants them to pause.
    pub pause: RwLock<()>,
    pub answered: AtomicUsize,
    guests: AtomicU32,
}

impl Stage {
    /// Over this ground.
    pub fn new(ground: Ground, bnpd: Bnpd) -> Self {
        Self {
            ground,
            bnpd: watch::Sender::new(Arc::new(bnpd)),
            pause: RwLock::new(()),
            answered: AtomicUsize::new(0),
            guests: AtomicU32::new(1000),
        }
    }

    /// Asks the living bnpd; `None` when it died meanwhile.
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Option<Answer> {
        let bnpd = Arc::clone(&self.bnpd.borrow());
        let answer = bnpd.ask(method, path, body).await;
        match &answer {
            None => {}
            Some(_) => drop(self.answered.fetch_add(1, Ordering::SeqCst)),
        }
        answer
    }

    /// GET, from whichever bnpd answers at last.
    async fn get(&self, path: &str) -> Answer {
        let answered = async {
            loop {
                if let Some(answer) = self.ask(Method::GET, path, None).await {
                    return answer;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), answered).await.expect("bnpd does not answer any more")
    }
}

/// What there has to be of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Known {
    status: Option<String>,
    settings: BTreeMap<String, Value>,
    guests: BTreeSet<u32>,
    tokens: usize,
}

/// One account and what is known of it.
struct Account {
    slug: String,
    host: &'static str,
    known: Known,
}

/// A change: the request, and what there has to be after it.
struct Change {
    method: Method,
    path: String,
    body: Value,
    after: Known,
}

/// Changes accounts until it is told to stop; what was not as it had to be.
pub async fn work(stage: Arc<Stage>, number: u64, seed: u64, mut stop: watch::Receiver<bool>) -> Result<(), String> {
    let mut dice = Dice::new(seed.wrapping_add(number * 7919));
    let slugs = (0..3).map(|at| (format!("w{number}-{at}"), if at == 1 { B } else { A }));
    let mut accounts: Vec<Account> =
        slugs.map(|(slug, host)| Account { slug, host, known: Known::default() }).collect();
    while !*stop.borrow_and_update() {
        let _turn = stage.pause.read().await;
        let at = dice.below(accounts.len() as u64) as usize;
        let account = &mut accounts[at];
        let change = account.next(&stage, &mut dice);
        account.make(&stage, change).await?;
    }
    for account in &accounts {
        let there = account.look(&stage).await?;
        if there != account.known {
            return Err(format!("{}: in the end there is {there:?} and not {:?}", account.slug, account.known));
        }
    }
    Ok(())
}

impl Account {
    fn next(&self, stage: &Stage, dice: &mut Dice) -> Change {
        let slug = &self.slug;
        let account = format!("/api/platform/accounts/{slug}");
        let known = self.known.clone();
        let Some(status) = known.status.clone() else {
            let after = Known { status: Some("active".to_owned()), ..Known::default() };
            let body = json!({ "slug": slug, "clusters": [self.host] });
            return Change { method: Method::POST, path: "/api/platform/accounts".to_owned(), body, after };
        };
        let to_status = |verb: &str, word: &str| Change {
            method: Method::POST,
            path: format!("{account}/{verb}"),
            body: json!({}),
            after: Known { status: Some(word.to_owned()), ..known.clone() },
        };
        match dice.below(12) {
            0 if status != "disabled" => to_status("suspend", "suspended"),
            1 => to_status("disable", "disabled"),
            2 | 3 => to_status("enable", "active"),
            4 => {
                let (key, value) = (format!("k{}", dice.below(3)), json!(dice.below(1000)));
                let mut after = known.clone();
                after.settings.insert(key.clone(), value.clone());
                Change {
                    method: Method::PUT,
                    path: format!("{account}/settings/{key}"),
                    body: json!({ "value": value }),
                    after,
                }
            }
            5 if status != "disabled" => {
                let after = Known { tokens: known.tokens + 1, ..known.clone() };
                Change { method: Method::POST, path: format!("{account}/impersonate"), body: json!({}), after }
            }
            6 | 7 if status == "active" => self.adopt_guest(stage, known),
            8 => match known.guests.first().copied() {
                Some(vmid) => {
                    let mut after = known.clone();
                    after.guests.remove(&vmid);
                    let path = format!("/api/instances/{vmid}?cluster={}&force=true", self.host);
                    Change { method: Method::DELETE, path, body: Value::Null, after }
                }
                None => self.adopt_guest(stage, known),
            },
            9 => Change { method: Method::PUT, path: format!("{account}/acls"), body: json!({}), after: known },
            10 => Change { method: Method::POST, path: format!("{account}/repair"), body: json!({}), after: known },
            11 if dice.below(2) == 0 => {
                let path = format!("{account}?adopted=delete&force=true");
                Change { method: Method::DELETE, path, body: Value::Null, after: Known::default() }
            }
            _ => match known.guests.last() {
                Some(vmid) => {
                    let order = if dice.below(2) == 0 { "start" } else { "stop" };
                    let path = format!("/api/instances/{vmid}/{order}?cluster={}", self.host);
                    Change { method: Method::POST, path, body: json!({}), after: known }
                }
                None => Change { method: Method::PUT, path: format!("{account}/acls"), body: json!({}), after: known },
            },
        }
    }

    /// A guest that somebody made on the cluster comes to the account.
    fn adopt_guest(&self, stage: &Stage, known: Known) -> Change {
        let vmid = stage.guests.fetch_add(2, Ordering::SeqCst);
        let node = if self.host == A { "a2" } else { "b1" };
        stage.ground.sim(self.host).with_state(|cluster| {
            guest(cluster, vmid, node, None, vmid.is_multiple_of(4));
            if cluster.access.groups.contains_key(&self.slug) {
                // A name that was never used: users of an account that was deleted while disabled stay off.
                member(cluster, &self.slug, &format!("u{vmid}@pve"));
            }
        });
        let mut after = known;
        after.guests.insert(vmid);
        let path = format!("/api/instances/{vmid}/adopt?cluster={}", self.host);
        Change { method: Method::POST, path, body: json!({ "account_slug": self.slug }), after }
    }

    async fn make(&mut self, stage: &Stage, change: Change) -> Result<(), String> {
        let Change { method, path, body, after } = change;
        let body = Some(body).filter(|body| !body.is_null());
        let what = format!("{}: {method} {path}", self.slug);
        let answer = stage.ask(method, &path, body).await;
        let before = std::mem::replace(&mut self.known, after);
        match answer {
            Some(answer) if answer.status < 300 && answer.result()["operation_id"].is_null() => {}
            // Refused for now: then nothing was done.
            Some(answer) if REFUSALS.contains(&answer.code()) => {
                let there = self.look(stage).await?;
                if there != before {
                    return Err(format!("{what} was refused; there is {there:?} and not {before:?}: {}", answer.text));
                }
                self.known = before;
            }
            Some(answer) => return Err(format!("{what}: {}", answer.text)),
            None => {
                stage.ground.went_unanswered();
                let there = self.look(stage).await?;
                if there != self.known && there != before {
                    return Err(format!(
                        "{what} got no answer; there is {there:?}, neither {before:?} nor {:?}",
                        self.known
                    ));
                }
                self.known = there;
            }
        }
        Ok(())
    }

    /// What there is, once nothing works on the account any more.
    async fn look(&self, stage: &Stage) -> Result<Known, String> {
        let slug = &self.slug;
        let quiet = async {
            loop {
                let open = stage.get("/api/platform/operations?finished=false").await;
                if open.result().as_array().is_some_and(|open| !open.iter().any(|one| self.concerns(one))) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), quiet).await;
        in_time.map_err(|_| format!("{slug}: its operations do not end"))?;
        let account = stage.get(&format!("/api/platform/accounts/{slug}")).await;
        if account.status == 404 {
            return Ok(Known::default());
        }
        let settings = stage.get(&format!("/api/platform/accounts/{slug}/settings")).await;
        let guests = stage.get(&format!("/api/instances?account={slug}")).await;
        let tokens = stage.get(&format!("/api/accounts/{slug}/tokens")).await;
        for answer in [&account, &settings, &guests, &tokens] {
            if answer.status != 200 {
                return Err(format!("{slug}: {}", answer.text));
            }
        }
        let rows = |answer: &Answer| answer.result().as_array().cloned().unwrap_or_default();
        Ok(Known {
            status: account.result()["status"].as_str().map(str::to_owned),
            settings: match settings.result() {
                Value::Object(map) => map.iter().map(|(key, one)| (key.clone(), one["value"].clone())).collect(),
                _ => BTreeMap::new(),
            },
            guests: rows(&guests).iter().map(|guest| guest["vmid"].as_u64().unwrap() as u32).collect(),
            tokens: rows(&tokens).len(),
        })
    }

    /// Whether an operation works on the account or on one of its guests.
    fn concerns(&self, operation: &Value) -> bool {
        let subject = operation["subject"].as_str().unwrap_or_default();
        operation["account"] == self.slug.as_str()
            || self.known.guests.iter().any(|vmid| subject == format!("instance {vmid}"))
    }
}
