//! What a delivery writes: events, dead letters and callback tasks.

use std::error::Error;

use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use opentelemetry::trace::TraceContextExt;
use serde_json::{Value, json};
use throughline_example::{Fault, inject, now};

use crate::delivery::{Chain, Delivery};
use crate::job::{ENDS, Record};

impl Delivery {
    /// Writes an event after the job's last one. Returns its body; None if another event is there already.
    pub async fn append(&self, kind: &str, more: Value) -> Result<Option<Vec<u8>>, Fault> {
        let mut chain = self.chain.lock().await;
        let body = self.body_of(kind, more, &chain);
        let id = self.id_of(&body);
        let mut headers = self.cloud_event(kind, &id, body["at"].as_str().unwrap_or(""));
        headers.insert("Nats-Msg-Id", id);
        headers.insert("Nats-Expected-Last-Subject-Sequence", chain.sequence.to_string());
        summarize(&body, &mut headers);
        let data = serde_json::to_vec(&body)?;
        let subject = format!("events.{}", self.job.path());
        let stored = self.worker.js.publish_with_headers(subject, headers, data.clone().into()).await?.await;
        match stored {
            Ok(ack) if ack.duplicate => Ok(None),
            Ok(ack) => {
                chain.sequence = ack.sequence;
                Ok(Some(data))
            }
            Err(error) if is_wrong_sequence(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn body_of(&self, kind: &str, more: Value, chain: &Chain) -> Value {
        let job = &self.job;
        let span = self.context.span().span_context().clone();
        let mut body = json!({
            "kind": kind,
            "jobId": job.id,
            "operation": job.operation,
            "attempt": chain.number,
            "maxAttempts": chain.max,
            "released": chain.released,
            "acceptedAt": job.accepted_at,
            "at": now(),
            "worker": self.worker.name,
            "traceId": span.trace_id().to_string(),
            "spanId": span.span_id().to_string(),
        });
        let mut set = |name: &str, value: Option<Value>| value.into_iter().for_each(|value| body[name] = value);
        set("startedAt", Some(chain.started_at.clone()).filter(|text| !text.is_empty()).map(Value::from));
        set("fingerprint", job.fingerprint().map(Value::from));
        set("priority", job.priority().map(Value::from));
        set("orderingKey", job.ordering_key().map(Value::from));
        set("tags", job.tags().map(Value::from));
        if job.redrive_count > 0 {
            set("redriveCount", Some(job.redrive_count.into()));
            set("previousTraceIds", job.previous_trace_ids().map(Value::from));
        }
        for (name, value) in more.as_object().cloned().unwrap_or_default() {
            set(&name, Some(value));
        }
        body
    }

    fn id_of(&self, body: &Value) -> String {
        let (id, suffix, attempt) = (&self.job.id, &self.job.suffix, &body["attempt"]);
        match body["kind"].as_str().unwrap_or("") {
            kind if ENDS.contains(&kind) => format!("{id}:end{suffix}"),
            "progress" => format!("{id}:{attempt}:progress:{}{suffix}", body["at"].as_str().unwrap_or("")),
            kind => format!("{id}:{attempt}:{}:{kind}{suffix}", body["released"]),
        }
    }

    fn cloud_event(&self, kind: &str, id: &str, at: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("ce-specversion", "1.0");
        headers.insert("ce-id", id);
        headers.insert("ce-source", format!("/{}", self.worker.name));
        headers.insert("ce-type", format!("dev.throughline.job.{kind}"));
        headers.insert("ce-time", at);
        headers.insert("content-type", "application/json");
        for (name, value) in inject(&self.context) {
            headers.insert(name, value);
        }
        headers
    }

    /// Stores how the attempt ended, and answers. If the record has changed meanwhile, the record decides.
    pub async fn record(&self, kind: &str, more: Value) -> Result<(), Fault> {
        loop {
            if let Some(body) = self.append(kind, more.clone()).await? {
                return self.answer(kind, body).await;
            }
            let stored = self.read().await?;
            let mut chain = self.chain.lock().await;
            let is_own = self.is_own(&stored, &chain);
            if is_own && stored.kind() == kind {
                drop(chain); // only the acknowledgement was lost
                return self.answer(kind, serde_json::to_vec(&stored.last)?).await;
            }
            if stored.is_over(&self.job) {
                return self.message.ack().await;
            }
            if !is_own && !ENDS.contains(&kind) {
                return Ok(()); // another delivery has the job
            }
            chain.sequence = stored.sequence;
        }
    }

    pub fn is_own(&self, record: &Record, chain: &Chain) -> bool {
        let Some(last) = &record.last else { return false };
        last["worker"] == *self.worker.name && last["startedAt"] == *chain.started_at
    }

    /// The dead letter is stored before the event `failed`, so a failed job can always be redriven.
    pub async fn bury(&self, error: Value, attempt: u64) -> Result<(), Fault> {
        let job = &self.job;
        let mut headers = job.kept_headers();
        headers.insert("Nats-Msg-Id", format!("{}:dead{}", job.id, job.suffix));
        headers.insert("throughline-dead-reason", error["code"].as_str().unwrap_or(""));
        headers.insert("throughline-dead-attempts", attempt.to_string());
        let subject = format!("dead.{}.{}", job.path(), job.operation);
        let payload = self.message.payload.clone();
        self.worker.js.publish_with_headers(subject, headers, payload).await?.await?;
        self.record("failed", json!({ "error": error })).await
    }

    pub async fn store_callback(&self, kind: &str, body: Vec<u8>) -> Result<(), Fault> {
        let job = &self.job;
        let Some(url) = job.callback_for(kind) else { return Ok(()) };
        let mut headers = self.cloud_event(kind, &format!("{}:end{}", job.id, job.suffix), &now());
        headers.insert("Nats-Msg-Id", format!("{}:callback{}", job.id, job.suffix));
        headers.insert("throughline-callback-url", url);
        let subject = format!("callbacks.{}", job.path());
        self.worker.js.publish_with_headers(subject, headers, body.into()).await?.await?;
        Ok(())
    }
}

/// Repeats in the headers what the body says, for readers of headers only.
fn summarize(body: &Value, headers: &mut HeaderMap) {
    let names = [
        ("operation", "throughline-operation"),
        ("attempt", "throughline-attempt"),
        ("maxAttempts", "throughline-max-attempts"),
        ("acceptedAt", "throughline-accepted-at"),
        ("startedAt", "throughline-started-at"),
        ("traceId", "throughline-trace-id"),
        ("tags", "throughline-tags"),
        ("redriveCount", "throughline-redrive-count"),
        ("previousTraceIds", "throughline-previous-trace-ids"),
    ];
    let fields = names.into_iter().map(|(field, name)| (name, &body[field]));
    for (name, value) in fields.chain([("throughline-error-code", &body["error"]["code"])]) {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        headers.insert(name, text);
    }
}

/// Two codes say it: async-nats knows the first one only.
fn is_wrong_sequence(error: &PublishError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    error.kind() == PublishErrorKind::WrongLastSequence
        || source.is_some_and(|source| source.error_code() == ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT)
}
