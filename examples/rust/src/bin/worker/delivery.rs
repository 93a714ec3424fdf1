//! One delivery of a job message: from the message to the answer, as docs/PROTOCOL.md asks it of a worker.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::jetstream::{AckKind, Message};
use opentelemetry::trace::{FutureExt, SpanContext, SpanId, SpanKind, Status, TraceContextExt};
use opentelemetry::trace::{TraceFlags, TraceId, TraceState, Tracer};
use opentelemetry::{Context, KeyValue, global};
use serde_json::{Value, json};
use throughline_example::{Fault, extract, now};
use time::OffsetDateTime;
use tokio::sync::{Mutex, mpsc, watch};

use crate::Worker;
use crate::job::{Job, Record, read_record};
use crate::operations::{self, MAX_ATTEMPTS, OPERATIONS, Rejected, Run, TIMEOUT_MS};

const RETRY_MS: u64 = 100;
const LARGEST_RESULT: usize = 512 * 1024;

/// Why an attempt ends early. `Taken`: another delivery has the job.
#[derive(Clone, Copy, PartialEq)]
pub enum Abort {
    Cancelled,
    Stopping,
    Timeout,
    Taken,
}

/// The attempt, as its events tell it. They are written one after the other.
#[derive(Default)]
pub struct Chain {
    /// Of the job's event that the next event of this attempt follows.
    pub sequence: u64,
    pub number: u64,
    pub released: u64,
    pub max: u64,
    pub started_at: String,
    /// The span of the attempt before.
    pub previous: Option<SpanContext>,
}

pub struct Delivery {
    pub worker: Arc<Worker>,
    pub message: Message,
    pub job: Job,
    /// The context with the span of the attempt.
    pub context: Context,
    pub chain: Mutex<Chain>,
    stream_sequence: u64,
    deliveries: i64,
    is_young: bool,
    abort: watch::Sender<Option<Abort>>,
    is_running: watch::Sender<bool>,
    last_beat: std::sync::Mutex<Instant>,
}

impl Delivery {
    pub fn new(worker: Arc<Worker>, message: Message, consumer_created: OffsetDateTime) -> Result<Delivery, Fault> {
        let info = message.info()?;
        let (stream_sequence, deliveries, stored) = (info.stream_sequence, info.delivered, info.published);
        let job = Job::read(&message, stream_sequence, stored);
        // The span of the attempt continues the trace of the message. A broken `traceparent` starts a new trace.
        let parent = extract(job.carrier());
        let tracer = global::tracer("throughline-example");
        let span = tracer
            .span_builder(format!("process {}", job.operation))
            .with_kind(SpanKind::Consumer)
            .with_attributes([
                KeyValue::new("messaging.system", "nats"),
                KeyValue::new("messaging.operation.type", "process"),
                KeyValue::new("messaging.destination.name", "JOBS"),
                KeyValue::new("messaging.message.id", job.id.clone()),
                KeyValue::new("throughline.job.id", job.id.clone()),
                KeyValue::new("throughline.job.operation", job.operation.clone()),
                KeyValue::new("throughline.job.tenant", job.tenant.clone()),
            ])
            .start_with_context(&tracer, &parent);
        Ok(Delivery {
            context: parent.with_span(span),
            chain: Mutex::default(),
            is_young: stored > consumer_created,
            abort: watch::Sender::new(None),
            is_running: watch::Sender::new(false),
            last_beat: std::sync::Mutex::new(Instant::now()),
            worker,
            message,
            job,
            stream_sequence,
            deliveries,
        })
    }

    pub async fn handle(&self) -> Result<(), Fault> {
        // Dropped at the end of this function, and with it the keep-alives.
        let beats = self.keep_alive();
        let result = tokio::select! {
            result = self.begin() => result,
            never = beats => never,
        };
        self.context.span().end();
        result
    }

    pub fn abort(&self, reason: Abort) {
        self.abort.send_if_modified(|known| known.is_none() && known.replace(reason).is_none());
    }

    pub fn on_cancel(&self, sequence: u64) {
        // A notice for an earlier message of the job is not for this one.
        if sequence >= self.stream_sequence {
            self.abort(Abort::Cancelled);
        }
    }

    /// Keeps the message. While the operation runs, it also looks whether the job is still ours.
    pub async fn keep_alive(&self) -> Result<(), Fault> {
        loop {
            tokio::time::sleep(self.worker.ack_wait / 4).await;
            if self.message.ack_with(AckKind::Progress).await.is_ok() {
                *self.last_beat.lock().unwrap_or_else(|error| error.into_inner()) = Instant::now();
            }
            if *self.is_running.borrow() {
                let _ = self.look().await; // NATS cannot be asked now; the next beat looks again
            }
        }
    }

    fn last_beat(&self) -> Instant {
        *self.last_beat.lock().unwrap_or_else(|error| error.into_inner())
    }

    async fn look(&self) -> Result<(), Fault> {
        let record = self.read().await?;
        record.cancel_sequence.inspect(|sequence| self.on_cancel(*sequence));
        let chain = self.chain.lock().await;
        if record.sequence > chain.sequence && !self.is_own(&record, &chain) {
            self.abort(Abort::Taken);
        }
        Ok(())
    }

    pub async fn read(&self) -> Result<Record, Fault> {
        read_record(&self.worker.events, &self.worker.cancels, &self.job).await
    }

    async fn begin(&self) -> Result<(), Fault> {
        let job = &self.job;
        if let Some(fault) = &job.fault {
            return self.refuse(Record::default(), "message-invalid", fault, 1).await;
        }
        if !OPERATIONS.contains(&job.operation.as_str()) {
            // Another host of the group may have it, so the pauses stay short. No event is written, so no attempt is spent.
            let pause = Duration::from_millis(10 * self.deliveries.clamp(1, 100) as u64);
            return self.message.ack_with(AckKind::Nak(Some(pause))).await;
        }
        // A pause that came before this message may not have been looked at yet: the runtime takes the last task first.
        tokio::task::yield_now().await;
        let is_paused = self.worker.is_paused(&job.operation);
        let is_again = job.header("throughline-published-again").as_deref() == Some("true");
        let is_first = self.deliveries == 1 && self.is_young && job.redrive_count == 0 && !is_again;
        let record = if is_first && !is_paused { Record::default() } else { self.read().await? };
        if is_paused && !record.is_unreadable && !record.is_over(job) {
            return self.hand_back(record).await;
        }
        self.claim(is_first, record).await
    }

    /// Starts the attempt, if the record of the job allows it. Nothing runs before `started` is stored.
    async fn claim(&self, mut is_first: bool, mut record: Record) -> Result<(), Fault> {
        loop {
            if record.is_unreadable {
                return self.refuse(record, "record-unreadable", "the last event cannot be read", 0).await;
            }
            if record.is_over(&self.job) {
                return self.message.ack().await;
            }
            let (number, max) = self.prepare(&record).await;
            record.cancel_sequence.inspect(|sequence| self.on_cancel(*sequence));
            if *self.abort.borrow() == Some(Abort::Cancelled) {
                return self.end_cancelled().await;
            }
            if number > max {
                return self.refuse(record, "attempts-spent", "no attempt ended", number - 1).await;
            }
            let beat = self.last_beat();
            if self.append("started", json!({})).await?.is_none() {
                let stored = self.read().await?;
                let mut chain = self.chain.lock().await;
                if self.is_own(&stored, &chain) {
                    chain.sequence = stored.sequence; // only the acknowledgement was lost
                } else if stored.last.is_some()
                    && stored.kind() != "redriven"
                    && !stored.is_over(&self.job)
                    && (is_first || stored.sequence != record.sequence)
                {
                    return Ok(()); // another delivery has the job: no answer, so the message comes after its ack wait
                } else {
                    (is_first, record) = (false, stored);
                    continue;
                }
            }
            if beat.elapsed() > self.worker.ack_wait * 4 / 5 {
                self.look().await?; // this process was paused, so the job may be another worker's by now
            }
            return self.operate().await;
        }
    }

    async fn prepare(&self, record: &Record) -> (u64, u64) {
        let of = |name: &str| record.last.as_ref().and_then(|last| last[name].as_u64()).unwrap_or(0);
        // A message that cannot be read has one attempt.
        let allowed = if self.job.fault.is_some() { Some(1) } else { self.job.max_attempts };
        let mut chain = self.chain.lock().await;
        *chain = Chain {
            sequence: record.sequence,
            number: of("attempt") + 1,
            released: of("released"),
            max: allowed.unwrap_or(MAX_ATTEMPTS).min(MAX_ATTEMPTS),
            started_at: now(),
            previous: record.last.as_ref().and_then(span_of),
        };
        (chain.number, chain.max)
    }

    async fn operate(&self) -> Result<(), Fault> {
        let job = &self.job;
        if let Some(previous) = self.chain.lock().await.previous.take() {
            self.context.span().add_link(previous, vec![]);
        }
        let facts = {
            let Chain { number, sequence, .. } = *self.chain.lock().await;
            let (id, tenant, redrives) = (&job.id, &job.tenant, job.redrive_count);
            json!({ "jobId": id, "tenant": tenant, "attempt": number, "redriveCount": redrives, "fence": sequence })
        };
        let (report, reports) = mpsc::unbounded_channel();
        let run = Run { input: job.input.clone(), facts, report };
        let operation = job.operation.clone();
        // A task of its own, so that a panic is the end of this attempt only. It begins with the context of the attempt.
        let work = async move { operations::run(&operation, run).await };
        let mut task = tokio::spawn(work.with_context(self.context.clone()));
        let _ = self.is_running.send(true);
        let mut aborts = self.abort.subscribe();
        let limit = Duration::from_millis(job.timeout_ms.unwrap_or(TIMEOUT_MS).min(TIMEOUT_MS));
        let ended = tokio::select! {
            _ = async { tokio::time::sleep(limit).await; self.abort(Abort::Timeout); std::future::pending::<()>().await } => None,
            _ = self.record_progress(reports) => None,
            _ = aborts.wait_for(Option::is_some) => None,
            ended = &mut task => Some(ended),
        };
        task.abort();
        let _ = self.is_running.send(false);
        let aborted = *self.abort.borrow();
        match (aborted, ended) {
            (Some(reason), _) => self.end_aborted(reason).await,
            (None, Some(Ok(Ok(result)))) => {
                let size = result.to_string().len();
                if size > LARGEST_RESULT {
                    return self.end_failed("result-too-large", &format!("the result has {size} bytes"), true).await;
                }
                self.record("succeeded", json!({ "result": result })).await
            }
            (None, Some(Ok(Err(error)))) => {
                let is_final = error.is::<Rejected>();
                let code = if is_final { "operation-rejected" } else { "operation-failed" };
                self.end_failed(code, &error.to_string(), is_final).await
            }
            (None, Some(Err(error))) => self.end_failed("operation-failed", &error.to_string(), false).await,
            (None, None) => Ok(()),
        }
    }

    /// Never ends. More than four reports in a second are not recorded.
    async fn record_progress(&self, mut reports: mpsc::UnboundedReceiver<Value>) {
        let mut last: Option<Instant> = None;
        while let Some(report) = reports.recv().await {
            if last.is_none_or(|last| last.elapsed() >= Duration::from_millis(250)) {
                if let Err(error) = self.append("progress", json!({ "progress": report })).await {
                    eprintln!("cannot record progress of job {}: {error}", self.job.id);
                }
                last = Some(Instant::now());
            }
        }
        std::future::pending::<()>().await;
    }

    async fn end_aborted(&self, reason: Abort) -> Result<(), Fault> {
        match reason {
            Abort::Cancelled => self.end_cancelled().await,
            Abort::Timeout => self.end_failed("operation-timeout", "the attempt took too long", false).await,
            Abort::Stopping => {
                // The attempt is not spent: `attempt` is the number of those that are.
                let mut chain = self.chain.lock().await;
                (chain.number, chain.released) = (chain.number - 1, chain.released + 1);
                drop(chain);
                self.record("released", json!({})).await
            }
            Abort::Taken => Ok(()), // this delivery gets no answer
        }
    }

    async fn end_cancelled(&self) -> Result<(), Fault> {
        let error = json!({ "code": "job-cancelled", "message": "cancelled by its caller" });
        self.record("cancelled", json!({ "error": error })).await
    }

    async fn end_failed(&self, code: &str, message: &str, is_final: bool) -> Result<(), Fault> {
        self.context.span().set_status(Status::error(message.to_owned()));
        let error = json!({ "code": code, "message": message });
        let Chain { number, max, .. } = *self.chain.lock().await;
        if is_final || number >= max {
            return self.bury(error, number).await;
        }
        self.record("retrying", json!({ "error": error, "retryInMs": RETRY_MS })).await
    }

    /// Ends a job that cannot start.
    async fn refuse(&self, record: Record, code: &str, message: &str, attempt: u64) -> Result<(), Fault> {
        self.prepare(&record).await;
        self.chain.lock().await.number = attempt;
        self.context.span().set_status(Status::error(message.to_owned()));
        self.bury(json!({ "code": code, "message": message }), attempt).await
    }

    /// Its operation is paused. `released` says that no worker has the job, unless the last event says so already.
    async fn hand_back(&self, record: Record) -> Result<(), Fault> {
        self.prepare(&record).await;
        if matches!(record.kind(), "" | "started" | "progress") {
            let mut chain = self.chain.lock().await;
            (chain.number, chain.released) = (chain.number - 1, chain.released + 1);
            chain.started_at.clear();
            drop(chain);
            self.append("released", json!({})).await?;
        }
        self.message.ack_with(AckKind::Nak(Some(Duration::from_secs(1)))).await
    }

    pub async fn answer(&self, kind: &str, body: Vec<u8>) -> Result<(), Fault> {
        match kind {
            "retrying" => return self.message.ack_with(AckKind::Nak(Some(Duration::from_millis(RETRY_MS)))).await,
            "released" => return self.message.ack_with(AckKind::Nak(None)).await,
            _ => self.store_callback(kind, body).await?,
        }
        self.message.ack_with(if kind == "failed" { AckKind::Term } else { AckKind::Ack }).await
    }
}

/// The span that an event names; none after a worker without spans.
fn span_of(event: &Value) -> Option<SpanContext> {
    let trace_id = TraceId::from_hex(event["traceId"].as_str()?).ok()?;
    let span_id = SpanId::from_hex(event["spanId"].as_str()?).ok()?;
    Some(SpanContext::new(trace_id, span_id, TraceFlags::default(), true, TraceState::default()))
}
