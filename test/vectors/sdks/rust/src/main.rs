//! Prints what the propagators of OpenTelemetry's Rust SDK inject, and what they extract from our headers.

use std::collections::HashMap;

use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use opentelemetry::Context;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use serde_json::{json, Value};

fn main() {
    let propagator = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
    ]);
    let injected: Vec<Value> = read("../contexts.json")
        .iter()
        .map(|case| inject(&propagator, case))
        .collect();
    let extracted: Vec<Value> = read("../ours.json")
        .iter()
        .map(|case| extract(&propagator, case))
        .collect();
    let all = json!({
        "sdk": "opentelemetry_sdk (Rust)", "version": "0.33.1", "injected": injected, "extracted": extracted,
    });
    println!("{all}");
}

fn inject(propagator: &TextMapCompositePropagator, case: &Value) -> Value {
    let mut refused = Vec::new();
    let mut context = Context::new();
    if case["span"].is_object() {
        context = context.with_remote_span_context(span_context(case, &mut refused));
    }
    if let Some(members) = case["baggage"].as_array() {
        context = context.with_baggage(members.iter().map(member));
    }
    let mut headers = HashMap::new();
    propagator.inject_context(&context, &mut headers);
    let mut result = json!({ "what": case["what"], "headers": headers });
    if !refused.is_empty() {
        result["refused"] = json!(refused);
    }
    result
}

fn span_context(case: &Value, refused: &mut Vec<String>) -> SpanContext {
    let span = &case["span"];
    let members = list(&case["tracestate"])
        .iter()
        .map(|member| (text(&member[0]), text(&member[1])));
    let state = TraceState::from_key_value(members).unwrap_or_else(|error| {
        refused.push(error.to_string());
        TraceState::default()
    });
    SpanContext::new(
        TraceId::from_hex(text(&span["traceId"])).unwrap(),
        SpanId::from_hex(text(&span["spanId"])).unwrap(),
        TraceFlags::new(span["flags"].as_u64().unwrap() as u8),
        false,
        state,
    )
}

fn member(member: &Value) -> KeyValueMetadata {
    let properties: Vec<String> = list(&member[2])
        .iter()
        .map(|property| list(property).iter().map(text).collect::<Vec<_>>().join("="))
        .collect();
    KeyValueMetadata::new(
        text(&member[0]).to_string(),
        text(&member[1]).to_string(),
        properties.join(";"),
    )
}

fn extract(propagator: &TextMapCompositePropagator, case: &Value) -> Value {
    let headers: HashMap<String, String> = serde_json::from_value(case["headers"].clone()).unwrap();
    let context = propagator.extract_with_context(&Context::new(), &headers);
    let mut result = json!({ "what": case["what"], "headers": headers });
    let span = context.span().span_context().clone();
    if span.is_valid() {
        result["span"] = json!({
            "traceId": span.trace_id().to_string(),
            "spanId": span.span_id().to_string(),
            "flags": span.trace_flags().to_u8(),
        });
        let state = span.trace_state().header();
        let members: Vec<Vec<&str>> = state
            .split(',')
            .filter(|member| !member.is_empty())
            .map(|member| member.splitn(2, '=').collect())
            .collect();
        result["tracestate"] = json!(members);
    }
    let mut baggage: Vec<Value> = context
        .baggage()
        .iter()
        .map(|(key, (value, metadata))| {
            let properties: Vec<Vec<&str>> = metadata
                .as_str()
                .split(';')
                .filter(|property| !property.is_empty())
                .map(|property| property.splitn(2, '=').collect())
                .collect();
            if properties.is_empty() {
                json!([key.as_str(), value.as_str()])
            } else {
                json!([key.as_str(), value.as_str(), properties])
            }
        })
        .collect();
    baggage.sort_by_key(|member| text(&member[0]).to_string());
    result["baggage"] = json!(baggage);
    result
}

fn read(name: &str) -> Vec<Value> {
    serde_json::from_str(&std::fs::read_to_string(name).unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
