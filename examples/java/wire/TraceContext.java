import io.nats.client.impl.Headers;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The W3C trace context of a job: its trace, whether it is sampled, and what travels with it. `tracestate` and `baggage` may be null. */
record TraceContext(String traceId, boolean sampled, String tracestate, String baggage) {
    private static final SecureRandom RANDOM = new SecureRandom();
    private static final Pattern TRACEPARENT = Pattern.compile("([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?");
    private static final Pattern STATE_MEMBER = Pattern.compile("[a-z0-9][a-z0-9_*/@-]{0,255}=[\\x20-\\x2b\\x2d-\\x3c\\x3e-\\x7e]{0,255}[\\x21-\\x2b\\x2d-\\x3c\\x3e-\\x7e]");
    private static final int MOST_STATES = 32;
    private static final Pattern BAGGAGE_MEMBER = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+\\s*=\\s*[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*\\s*(;[^,\"\\\\]*)?");
    private static final int MOST_BAGGAGE = 64;
    /** A longer list is left out. */
    private static final int MOST_CHARACTERS = 8192;

    /**
     * The context of a message. A `traceparent` that is missing, broken or repeated starts a new trace. SDKs of CloudEvents write
     * the context as attributes, which count, as a pair, where there is no `traceparent`.
     */
    static TraceContext of(Headers headers) {
        String pair = Job.values(headers, "traceparent").isEmpty() ? "ce-" : "";
        List<String> parents = Job.values(headers, pair + "traceparent");
        String baggage = joined(members(headers, "baggage").stream().filter(BAGGAGE_MEMBER.asMatchPredicate()).limit(MOST_BAGGAGE).toList());
        Matcher parent = TRACEPARENT.matcher(parents.size() == 1 ? parents.get(0) : "");
        if (!parent.matches() || isBroken(parent)) return new TraceContext(random(16), false, null, baggage);
        boolean sampled = (Integer.parseInt(parent.group(4), 16) & 1) == 1;
        List<String> states = members(headers, pair + "tracestate");
        boolean fits = states.size() <= MOST_STATES && states.stream().allMatch(STATE_MEMBER.asMatchPredicate());
        return new TraceContext(parent.group(2), sampled, fits ? joined(states) : null, baggage);
    }

    private static boolean isBroken(Matcher parent) {
        boolean tooLong = parent.group(1).equals("00") && parent.group(5) != null;
        return parent.group(1).equals("ff") || tooLong || parent.group(2).matches("0+") || parent.group(3).matches("0+");
    }

    /** Several headers are one list. */
    private static List<String> members(Headers headers, String name) {
        String list = String.join(",", Job.values(headers, name));
        return Arrays.stream(list.split(",")).map(String::trim).filter(member -> !member.isEmpty()).toList();
    }

    private static String joined(List<String> members) {
        String list = String.join(",", members);
        return list.isEmpty() || list.length() > MOST_CHARACTERS ? null : list;
    }

    /** A new span id. */
    static String newSpan() {
        return random(8);
    }

    private static String random(int bytes) {
        byte[] id = new byte[bytes];
        RANDOM.nextBytes(id);
        return HexFormat.of().formatHex(id);
    }

    String traceparent(String spanId) {
        return "00-" + traceId + "-" + spanId + (sampled ? "-01" : "-00");
    }

    /** Writes the context, with this span as parent. */
    void write(Headers headers, String spanId) {
        headers.put("traceparent", traceparent(spanId));
        if (tracestate != null) headers.put("tracestate", tracestate);
        if (baggage != null) headers.put("baggage", baggage);
    }
}
