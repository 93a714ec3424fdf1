import com.fasterxml.jackson.databind.JsonNode;

/** How an attempt went. */
sealed interface Outcome {
    record Returned(JsonNode result) implements Outcome {}

    /** It failed; `detail` is for the dead letter only. */
    record Failed(String code, String message, boolean isFinal, String detail) implements Outcome {}

    record Cancelled() implements Outcome {}

    /** The worker stops. */
    record Stopped() implements Outcome {}

    /** Another delivery has the job, or it has ended. */
    record Taken() implements Outcome {}
}
