import com.fasterxml.jackson.databind.JsonNode;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A job's message, as a worker reads it. */
final class Job {
    private static final Pattern SUBJECT = Pattern.compile(
        "jobs\\.[^.]+\\.[^.]+\\.([A-Za-z0-9_-]{1,64})\\.([A-Za-z0-9_-]{1,64})\\.([a-z][a-z0-9_-]*(?:\\.[a-z][a-z0-9_-]*)*)");
    private static final Pattern ORDERING_KEY = Pattern.compile("[!-~](?:[ -~]{0,126}[!-~])?");
    /** Of RFC 3339. The parser reads more forms, such as a time without seconds. */
    private static final Pattern TIME = Pattern.compile("(?i)[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})");
    /** A time with an offset may be one of this year in UTC, which no text has. */
    private static final Instant YEAR_10000 = Instant.parse("+10000-01-01T00:00:00Z");
    private static final Pattern TAG = Pattern.compile("[A-Za-z0-9][A-Za-z0-9_.:/=-]{0,63}");

    final Message message;
    final long sequence;
    final Instant stored;
    /** Whether the subject is that of a job. */
    final boolean named;
    final String tenant;
    final String id;
    final String operation;
    final TraceContext context;
    final int redriveCount;
    final List<String> previousTraceIds;
    /** Why the message cannot be read, or null. */
    final String fault;
    final JsonNode input;
    /** The message's own limits, or null. */
    final Integer maxAttempts;
    final Integer timeoutMs;

    Job(Message message) {
        this.message = message;
        sequence = message.metaData().streamSequence();
        stored = message.metaData().timestamp().toInstant();
        Matcher subject = SUBJECT.matcher(message.getSubject());
        named = subject.matches();
        tenant = named ? subject.group(1) : "_unreadable";
        id = named ? subject.group(2) : "seq-" + sequence;
        operation = named ? subject.group(3) : "unknown";
        context = TraceContext.of(message.getHeaders());
        redriveCount = wholeOrZero(header("throughline-redrive-count"));
        List<String> ids = list("throughline-previous-trace-ids");
        previousTraceIds = ids.size() <= 20 && ids.stream().allMatch(id -> id.matches("[0-9a-f]{32}")) ? ids : List.of();
        JsonNode value = null;
        Integer attempts = null;
        Integer timeout = null;
        String problem = null;
        try {
            value = Json.parse(message.getData());
            attempts = limit("throughline-max-attempts", 100);
            timeout = limit("throughline-timeout-ms", 86_400_000);
        } catch (IllegalArgumentException error) {
            problem = error.getMessage();
        }
        input = value;
        maxAttempts = attempts;
        timeoutMs = timeout;
        fault = problem;
    }

    /** The first value of a header, in upper or lower case, or null. */
    String header(String name) {
        List<String> values = values(message.getHeaders(), name);
        return values.isEmpty() ? null : values.get(0);
    }

    /** All values of a header, in upper or lower case. The attributes of a CloudEvent, `ce-…`, are decoded. */
    static List<String> values(Headers headers, String name) {
        List<String> found = headers == null ? null : headers.getIgnoreCase(name);
        if (found == null) return List.of();
        return name.startsWith("ce-") ? found.stream().map(Job::decode).toList() : found;
    }

    /** A `%` that begins no byte shows that the writer did not encode the value. */
    private static String decode(String value) {
        try {
            return URLDecoder.decode(value.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notEncoded) {
            return value;
        }
    }

    String acceptedAt() {
        try {
            String time = header("ce-time");
            boolean fits = time != null && TIME.matcher(time).matches();
            Instant accepted = fits ? OffsetDateTime.parse(time).toInstant() : stored;
            return Json.time(accepted.isBefore(YEAR_10000) ? accepted : stored);
        } catch (DateTimeException unreadable) {
            return Json.time(stored);
        }
    }

    /** The SHA-256 of the request, or null. */
    String fingerprint() {
        String value = header("throughline-fingerprint");
        return value != null && value.matches("[0-9a-f]{64}") ? value : null;
    }

    /** `priority`, or null. */
    String priority() {
        String value = header("throughline-priority");
        return value != null && List.of("high", "normal", "low").contains(value) ? value : null;
    }

    String orderingKey() {
        String value = header("throughline-ordering-key");
        return value != null && ORDERING_KEY.matcher(value).matches() ? value : null;
    }

    List<String> tags() {
        List<String> tags = list("throughline-tags");
        return tags.size() <= 8 && tags.stream().allMatch(tag -> TAG.matcher(tag).matches()) ? tags : List.of();
    }

    private List<String> list(String name) {
        String value = header(name);
        // With -1 an empty member at the end counts too.
        return value == null ? List.of() : List.of(value.split(",", -1));
    }

    private Integer limit(String name, int most) {
        String value = header(name);
        if (value == null) return null;
        int number = value.matches("[0-9]{1,9}") ? Integer.parseInt(value) : 0;
        if (number < 1 || number > most) throw new IllegalArgumentException(name + " is no whole number from 1 to " + most);
        return number;
    }

    private static int wholeOrZero(String value) {
        return value != null && value.matches("[0-9]{1,9}") ? Integer.parseInt(value) : 0;
    }

    /** The end of an id from redrive count 1 on. */
    String idSuffix() {
        return redriveCount > 0 ? ":" + redriveCount : "";
    }
}
