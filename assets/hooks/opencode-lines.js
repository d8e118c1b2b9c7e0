// Prints what opencode (1.18.33) says neither over the Agent Client Protocol nor in the lines of a run, one line of JSON
// each, on standard error: what each request used, the status of one that failed, and how long it waits with one. It
// answers nothing, and changes nothing but that the password of opencode's own server is kept from what its tools run.
import { writeSync } from "node:fs";

const tell = (line) => writeSync(2, JSON.stringify(line) + "\n");

export const Loopmon = async () => ({
  event: async ({ event }) => {
    try {
      const { part, error, status } = event.properties;
      if (event.type === "message.part.updated" && part.type === "step-finish") {
        tell({ loopmon: "step", tokens: part.tokens, cost: part.cost });
      } else if (event.type === "session.error" && error?.name !== "MessageAbortedError") {
        tell({ loopmon: "error", status: error?.data?.statusCode });
      } else if (event.type === "session.status" && status.type === "retry") {
        tell({ loopmon: "retry", message: status.message, next: status.next, wait: status.next - Date.now() });
      }
    } catch {
      // An event of another form says nothing.
    }
  },
  "shell.env": async (_, output) => {
    output.env.OPENCODE_SERVER_PASSWORD = "";
  },
});
