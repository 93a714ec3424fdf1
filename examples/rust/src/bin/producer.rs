//! A producer on plain NATS: publishes one job, in a span that continues the trace of its caller.

use std::collections::HashMap;

use async_nats::HeaderMap;
use opentelemetry::trace::{SpanKind, TraceContextExt, Tracer};
use opentelemetry::{Context, KeyValue, global};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};
use throughline_example::{Fault, connect, extract, inject, now, setting, start_tracing};

fn main() -> Result<(), Fault> {
    let tracing = start_tracing()?;
    // A program that is started by a traced one gets the context in its environment.
    let names = [("TRACEPARENT", "traceparent"), ("TRACESTATE", "tracestate"), ("BAGGAGE", "baggage")];
    let carrier: HashMap<String, String> = names
        .iter()
        .filter_map(|(name, header)| Some((header.to_string(), std::env::var(name).ok()?)))
        .collect();
    let (tenant, operation) = (setting("CONFORMANCE_TENANT", "demo"), setting("CONFORMANCE_OPERATION", "echo"));
    let input = setting("CONFORMANCE_INPUT", "null");
    let runtime = tokio::runtime::Runtime::new()?;
    println!("{}", runtime.block_on(submit(extract(carrier), &tenant, &operation, input))?);
    tracing.shutdown()?;
    Ok(())
}

/// Publishes a job whose input is JSON, and waits until JetStream has it. Returns the job id.
async fn submit(caller: Context, tenant: &str, operation: &str, input: String) -> Result<String, Fault> {
    let client = connect(async_nats::ConnectOptions::new()).await?;
    let tracer = global::tracer("throughline-example");
    let span = tracer
        .span_builder(format!("send {operation}"))
        .with_kind(SpanKind::Producer)
        .with_attributes([KeyValue::new("messaging.system", "nats")])
        .start_with_context(&tracer, &caller);
    let context = caller.with_span(span);
    // Any random text of letters and digits, up to 64 of them.
    let id = RandomIdGenerator::default().new_trace_id().to_string();
    let mut headers = HeaderMap::new();
    // `Nats-Msg-Id` makes it safe to publish again within two minutes when no acknowledgement comes.
    headers.insert("Nats-Msg-Id", id.as_str());
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-id", id.as_str());
    headers.insert("ce-source", "/rust-producer");
    headers.insert("ce-type", "dev.throughline.job.submitted");
    headers.insert("ce-time", now());
    headers.insert("content-type", "application/json");
    for (name, value) in inject(&context) {
        headers.insert(name, value);
    }
    let subject = format!("jobs.normal.{}.{tenant}.{id}.{operation}", pooled_lane(tenant));
    let jetstream = async_nats::jetstream::new(client);
    jetstream.publish_with_headers(subject, headers, input.into()).await?.await?;
    context.span().end();
    Ok(id)
}

/// All jobs of a tenant are in one lane: FNV-1a of 32 bits over its name.
fn pooled_lane(tenant: &str) -> String {
    let hash = tenant.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("p{}", hash % 4)
}
