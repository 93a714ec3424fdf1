//! A worker on plain NATS, written from docs/PROTOCOL.md. The README names the variables it reads.

mod delivery;
mod filters;
mod job;
mod operations;
mod record;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::Stream;
use async_nats::jetstream::{AckKind, Context};
use async_nats::{Client, HeaderMap};
use futures_util::StreamExt;
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use serde_json::{Value, json};
use throughline_example::{Fault, connect, now, setting, start_tracing};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};

use crate::delivery::{Abort, Delivery};
use crate::job::{last_on, notice_sequence};
use crate::operations::{MAX_ATTEMPTS, OPERATIONS, TIMEOUT_MS};

const PAUSED: &str = "$KV.OPERATIONS._paused.";
const RENEW: Duration = Duration::from_secs(30);

pub struct Worker {
    pub name: String,
    pub ack_wait: Duration,
    pub js: Context,
    pub events: Stream,
    pub cancels: Stream,
    host_key: String,
    since: String,
    group: String,
    filters: Vec<String>,
    concurrency: usize,
    slots: Arc<Semaphore>,
    is_stopping: watch::Sender<bool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: HashMap<u64, Arc<Delivery>>,
    next: u64,
    /// Cancel notices: job to sequence.
    notices: HashMap<String, u64>,
    paused: HashSet<String>,
}

fn main() -> Result<(), Fault> {
    let tracing = start_tracing()?;
    tokio::runtime::Runtime::new()?.block_on(run())?;
    tracing.shutdown()?;
    Ok(())
}

async fn run() -> Result<(), Fault> {
    let group = setting("WORKER_GROUP", "rust");
    let options = async_nats::ConnectOptions::new().custom_inbox_prefix(format!("_INBOX_worker.{group}"));
    let client = connect(options).await?;
    let js = async_nats::jetstream::new(client.clone());
    let concurrency = setting("WORKER_CONCURRENCY", "64").parse()?;
    let name = setting("WORKER_NAME", "rust-worker");
    let hex: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let worker = Arc::new(Worker {
        name,
        host_key: format!("$KV.HOSTS.{hex}-{}", RandomIdGenerator::default().new_trace_id()),
        since: now(),
        ack_wait: milliseconds("WORKER_ACK_WAIT_MS", "30000")?,
        events: js.get_stream("EVENTS").await?,
        cancels: js.get_stream("CANCELS").await?,
        filters: filters::read(&setting("WORKER_OPERATIONS", "example.>")),
        slots: Arc::new(Semaphore::new(concurrency)),
        is_stopping: watch::Sender::new(false),
        state: Mutex::default(),
        js,
        group,
        concurrency,
    });
    let mut consumers = Vec::new();
    for (priority, lane) in routes() {
        consumers.push(worker.consumer(priority, lane).await?);
    }
    worker.clone().listen(&client).await?;
    worker.announce(true).await?;
    let renewing = tokio::spawn(worker.clone().renew());
    let takers = consumers.into_iter().map(|consumer| tokio::spawn(worker.clone().take(consumer))).collect();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! { _ = term.recv() => (), _ = int.recv() => () }
    renewing.abort();
    worker.stop(takers).await?;
    client.drain().await?;
    Ok(())
}

impl Worker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|error| error.into_inner())
    }

    pub fn is_paused(&self, operation: &str) -> bool {
        self.state().paused.contains(operation)
    }

    /// Hears of cancel notices and pauses. It reads the stored pauses now and every 30 s, since notices may be missed.
    async fn listen(self: Arc<Self>, client: &Client) -> Result<(), Fault> {
        let mut cancels = client.subscribe("cancel.>").await?;
        let mut pauses = client.subscribe(format!("{PAUSED}>")).await?;
        let stored = self.js.get_stream("KV_OPERATIONS").await?;
        self.read_pauses(&stored).await?;
        tokio::spawn(async move {
            // Not at once: notices would wait while the keys are read for a second time.
            let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + RENEW, RENEW);
            loop {
                tokio::select! {
                    Some(notice) = cancels.next() => self.on_cancel(&notice.subject, notice_sequence(notice.headers.as_ref())),
                    Some(pause) = pauses.next() => self.set_pause(&pause.subject, &pause.payload),
                    _ = ticks.tick() => self.read_pauses(&stored).await.unwrap_or_else(|error| eprintln!("cannot read pauses: {error}")),
                }
            }
        });
        Ok(())
    }

    fn on_cancel(&self, subject: &str, sequence: Option<u64>) {
        let path = subject.trim_start_matches("cancel.");
        let mut state = self.state();
        if state.notices.len() >= 10_000 {
            state.notices.clear(); // a worker looks into CANCELS too
        }
        let sequence = sequence.unwrap_or(0);
        state.notices.insert(path.to_owned(), sequence);
        state.running.values().filter(|delivery| delivery.job.path() == path).for_each(|delivery| delivery.on_cancel(sequence));
    }

    async fn read_pauses(&self, stored: &Stream) -> Result<(), Fault> {
        for name in self.operations() {
            let subject = format!("{PAUSED}{name}");
            if let Some(message) = last_on(stored, &subject).await? {
                self.set_pause(&subject, &message.payload);
            }
        }
        Ok(())
    }

    fn set_pause(&self, subject: &str, value: &[u8]) {
        let name = subject.trim_start_matches(PAUSED).to_owned();
        let is_paused = serde_json::from_slice::<Value>(value).is_ok_and(|value| value["paused"] == true);
        let paused = &mut self.state().paused;
        if is_paused { paused.insert(name) } else { paused.remove(&name) };
    }

    /// One durable consumer for each priority and lane; all workers of the group share it. One that is there stays as it is.
    async fn consumer(&self, priority: &str, lane: &str) -> Result<PullConsumer, Fault> {
        let name = format!("{}-{priority}-{lane}", self.group);
        let subjects = filters::subjects(&self.filters, priority, lane);
        match self.js.get_consumer_from_stream(&name, "JOBS").await {
            Ok(consumer) if filters::are_those_of(&consumer.cached_info().config, &subjects) => return Ok(consumer),
            Ok(_) => return Err(format!("the consumer {name} takes other operations than WORKER_OPERATIONS says").into()),
            Err(_) => (), // it is missing; if NATS could not be asked, it cannot be made either
        }
        // One filter has a field of its own: only then can NATS limit it.
        let (filter_subject, filter_subjects) =
            if let [one] = subjects.as_slice() { (one.clone(), vec![]) } else { (String::new(), subjects) };
        let config = pull::Config {
            name: Some(name.clone()),
            durable_name: Some(name),
            filter_subject,
            filter_subjects,
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            max_deliver: -1,
            max_ack_pending: if lane.starts_with('o') { 1 } else if lane.starts_with('l') { -1 } else { 1_000_000 },
            ..Default::default()
        };
        Ok(self.js.create_consumer_on_stream(config, "JOBS").await?)
    }

    /// Pulls one message at a time.
    async fn take(self: Arc<Self>, consumer: PullConsumer) {
        while !*self.is_stopping.borrow() {
            match next(&consumer).await {
                Ok(None) => (),
                Ok(Some(message)) => match Delivery::new(self.clone(), message, consumer.cached_info().created) {
                    Ok(delivery) => self.clone().start(Arc::new(delivery)).await,
                    Err(error) => eprintln!("cannot read a message: {error}"),
                },
                Err(error) => {
                    eprintln!("cannot ask for jobs: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// Lets a message wait for a free slot, and keeps it alive: lanes without jobs hold no slot.
    async fn start(self: Arc<Self>, delivery: Arc<Delivery>) {
        let slot = tokio::select! {
            Ok(slot) = self.slots.clone().acquire_owned() => slot,
            _ = delivery.keep_alive() => return, // it never ends
        };
        if *self.is_stopping.borrow() {
            let _ = delivery.message.ack_with(AckKind::Nak(None)).await;
            return;
        }
        tokio::spawn(async move {
            self.handle(delivery).await;
            drop(slot);
        });
    }

    async fn handle(&self, delivery: Arc<Delivery>) {
        let key = {
            let mut state = self.state();
            state.next += 1;
            let key = state.next;
            state.running.insert(key, delivery.clone());
            state.notices.get(&delivery.job.path()).inspect(|sequence| delivery.on_cancel(**sequence));
            key
        };
        if let Err(error) = delivery.handle().await {
            // NATS could not be asked. Without an answer the message comes again after its ack wait.
            eprintln!("cannot run job {}: {error}", delivery.job.id);
        }
        self.state().running.remove(&key);
    }

    /// The host first: an operation that becomes known has a host then.
    async fn announce(&self, is_start: bool) -> Result<(), Fault> {
        let host = json!({
            "host": self.name, "version": "1", "group": self.group, "concurrency": self.concurrency, "since": self.since,
            "at": now(), "leaseMs": 3 * RENEW.as_millis() as u64, "operations": self.operations(),
        });
        self.put(self.host_key.clone(), &host).await?;
        let definitions = self.js.get_stream("KV_OPERATIONS").await?;
        for name in self.operations() {
            let subject = format!("$KV.OPERATIONS.{name}");
            let limits = (TIMEOUT_MS, MAX_ATTEMPTS);
            let wanted = json!({ "name": name, "inputSchema": true, "timeoutMs": limits.0, "maxAttempts": limits.1, "host": self.name });
            let stored = last_on(&definitions, &subject).await?;
            let found = stored.and_then(|message| serde_json::from_slice::<Value>(&message.payload).ok()).filter(Value::is_object);
            // Later another definition is that of a host which started after this one.
            let stays = found.is_some_and(|mut found| {
                found["host"] = self.name.clone().into();
                !is_start || found == wanted
            });
            if !stays {
                self.put(subject, &wanted).await?;
            }
        }
        Ok(())
    }

    /// Says that this host is alive; after three renewals that are missing it counts as dead.
    async fn renew(self: Arc<Self>) {
        loop {
            tokio::time::sleep(RENEW).await;
            if let Err(error) = self.announce(false).await {
                eprintln!("cannot announce this host: {error}");
            }
        }
    }

    async fn put(&self, subject: String, value: &Value) -> Result<(), Fault> {
        self.js.publish(subject, value.to_string().into()).await?.await?;
        Ok(())
    }

    /// Takes no more jobs, waits for those that run, and hands back those that do not end in time.
    async fn stop(&self, takers: Vec<tokio::task::JoinHandle<()>>) -> Result<(), Fault> {
        let _ = self.is_stopping.send_replace(true);
        let mut deletion = HeaderMap::new();
        deletion.insert("KV-Operation", "DEL");
        self.js.publish_with_headers(self.host_key.clone(), deletion, "".into()).await?.await?;
        let ended = async {
            for taker in takers {
                let _ = taker.await;
            }
            let _ = self.slots.acquire_many(self.concurrency as u32).await; // all slots are free: no job runs
        };
        tokio::pin!(ended);
        let limit = milliseconds("WORKER_STOP_TIMEOUT_MS", "20000")?;
        if tokio::time::timeout(limit, &mut ended).await.is_err() {
            self.state().running.values().for_each(|delivery| delivery.abort(Abort::Stopping));
            ended.await;
        }
        Ok(())
    }

    fn operations(&self) -> Vec<&'static str> {
        OPERATIONS.into_iter().filter(|name| filters::take(&self.filters, name)).collect()
    }
}

async fn next(consumer: &PullConsumer) -> Result<Option<async_nats::jetstream::Message>, Fault> {
    let mut batch = consumer.fetch().max_messages(1).expires(Duration::from_secs(2)).messages().await?;
    batch.next().await.transpose()
}

fn routes() -> Vec<(&'static str, &'static str)> {
    let shared = ["p0", "p1", "p2", "p3", "b0", "b1", "l0", "l1"];
    let ordered = ["o0", "o1", "o2", "o3", "o4", "o5", "o6", "o7"];
    let priorities = ["high", "normal", "low"];
    let all = priorities.into_iter().flat_map(|priority| shared.into_iter().map(move |lane| (priority, lane)));
    all.chain(ordered.into_iter().map(|lane| ("normal", lane))).collect()
}

fn milliseconds(name: &str, otherwise: &str) -> Result<Duration, Fault> {
    let number = setting(name, otherwise).parse().map_err(|_| format!("{name} is not a number of milliseconds"))?;
    Ok(Duration::from_millis(number))
}
