/** The settings of the worker, from its environment. Times in milliseconds. */
record Settings(String natsUrl, String group, Filters filters, String name, int ackWaitMs, int stopTimeoutMs, int concurrency) {
    static Settings read() {
        return new Settings(
            text("NATS_URL", "nats://127.0.0.1:4222"), text("WORKER_GROUP", "java"), new Filters(text("WORKER_OPERATIONS", "conformance.>")),
            text("WORKER_NAME", "java-" + ProcessHandle.current().pid()), number("WORKER_ACK_WAIT_MS", 30_000),
            number("WORKER_STOP_TIMEOUT_MS", 10_000), number("WORKER_CONCURRENCY", 64));
    }

    private static String text(String name, String otherwise) {
        String value = System.getenv(name);
        return value == null || value.isEmpty() ? otherwise : value;
    }

    private static int number(String name, int otherwise) {
        String value = text(name, Integer.toString(otherwise));
        if (!value.matches("[1-9][0-9]{0,8}")) throw new IllegalArgumentException(name + " must be a whole number from 1 on, not " + value);
        return Integer.parseInt(value);
    }
}
