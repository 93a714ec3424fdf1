import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;

/** What this worker can run: the operations of the conformance harness. */
final class Operations {
    static final int MAX_ATTEMPTS = 5;
    static final int TIMEOUT_MS = 60_000;

    /** The operation refuses its job: another attempt would not help. */
    @SuppressWarnings("serial")
    static final class Rejection extends Exception {
        Rejection(String message) {
            super(message);
        }
    }

    /** What an attempt knows, and what it may do. An aborted attempt is interrupted. */
    interface Call {
        Job job();

        int attempt();

        long fence();

        String spanId();

        void progress(ObjectNode progress);
    }

    interface Operation {
        JsonNode run(JsonNode input, Call call) throws Exception;
    }

    private static final HttpClient HTTP = HttpClient.newHttpClient();

    static final Map<String, Operation> ALL = Map.of(
        "conformance.echo", (input, call) -> input,
        "conformance.fail", (input, call) -> {
            throw new IllegalStateException(input.path("message").asText("it fails"));
        },
        "conformance.reject", (input, call) -> {
            throw new Rejection("it rejects its job");
        },
        "conformance.retry", (input, call) -> {
            if (call.attempt() <= input.path("failures").asInt()) throw new IllegalStateException("not yet");
            return Json.object().put("attempt", call.attempt());
        },
        "conformance.sleep", (input, call) -> {
            Thread.sleep(input.path("ms").asLong());
            return Json.object().set("slept", input.get("ms"));
        },
        "conformance.progress", Operations::progress,
        "conformance.baggage", Operations::get,
        "conformance.info", (input, call) -> Json.object().put("jobId", call.job().id).put("tenant", call.job().tenant)
            .put("attempt", call.attempt()).put("redriveCount", call.job().redriveCount).put("fence", call.fence()),
        "conformance.big", (input, call) -> Json.object().put("text", "x".repeat(input.path("bytes").asInt())));

    private Operations() {}

    private static JsonNode progress(JsonNode input, Call call) throws InterruptedException {
        int steps = input.path("steps").asInt();
        for (int step = 1; step <= steps; step++) {
            if (step > 1) Thread.sleep(input.path("everyMs").asInt(300));
            call.progress(Json.object().put("fraction", (double) step / steps).put("message", "step " + step));
        }
        return Json.object().put("steps", steps);
    }

    private static JsonNode get(JsonNode input, Call call) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(input.path("url").asText()));
        TraceContext context = call.job().context;
        request.header("traceparent", context.traceparent(call.spanId()));
        if (context.tracestate() != null) request.header("tracestate", context.tracestate());
        if (context.baggage() != null) request.header("baggage", context.baggage());
        HttpResponse<Void> response = HTTP.send(request.build(), HttpResponse.BodyHandlers.discarding());
        return Json.object().set("status", IntNode.valueOf(response.statusCode()));
    }
}
