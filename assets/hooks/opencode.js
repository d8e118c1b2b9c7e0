// Tells loopmon what this session of opencode (1.18.33) does. It answers nothing and changes nothing.
import { spawn } from "node:child_process";

const PROGRAM = "@PROGRAM@";
const PATIENCE = 10000; // Milliseconds that one message may take.
const FIELDS = { input: 0, output: 0, cost: 0 };

export const Loopmon = async () => {
  let root; // The session of the person; others are of its sub-agents.
  let ended = ""; // How the turn broke off, if it did.
  let busy = false;
  let told = Promise.resolve();
  const messages = new Map(); // What each answer used, by its id.
  let words = ""; // The last text of an answer.

  // One after the other, so that what is told last happened last.
  const tell = (name, more) => {
    const event = JSON.stringify({ hook_event_name: name, session_id: root, ...more });
    const run = () =>
      new Promise((resolve) => {
        const child = spawn(PROGRAM, ["hook"], { stdio: ["pipe", "ignore", "ignore"] });
        const late = setTimeout(() => child.kill(), PATIENCE);
        const over = () => (clearTimeout(late), resolve());
        child.on("error", over);
        child.on("close", over);
        child.stdin.on("error", () => {});
        child.stdin.end(event);
      });
    told = told.then(run);
  };

  const used = () => {
    const sum = { ...FIELDS };
    for (const one of messages.values()) for (const name in sum) sum[name] += one[name];
    return { used: sum };
  };

  const handlers = {
    "session.created": ({ info }) => {
      if (info.parentID || root) return;
      root = info.id;
      tell("session.created", used());
    },
    "session.status": ({ sessionID, status }) => {
      root ??= sessionID;
      if (sessionID !== root || status.type === "idle") return;
      if (!busy) [busy, ended, words] = [true, "", ""];
      const wait = status.next && { next: status.next, wait: status.next - Date.now() };
      tell(`session.${status.type}`, { message: status.message, ...wait });
    },
    "session.idle": ({ sessionID }) => {
      if (sessionID !== root) return;
      busy = false;
      // It rests after an error too, which was told.
      if (ended !== "error") tell(`session.${ended || "idle"}`, { last_assistant_message: words, ...used() });
    },
    "session.error": ({ sessionID, error }) => {
      if (sessionID && sessionID !== root) return;
      ended = error?.name === "MessageAbortedError" ? "aborted" : "error";
      if (ended === "error") tell("session.error", { message: error?.data?.message ?? error?.name, ...used() });
    },
    "permission.asked": ({ permission, patterns }) =>
      tell("permission.asked", { message: `${permission}: ${(patterns ?? []).join(", ")}` }),
    "permission.replied": () => tell("permission.replied", {}),
    "message.updated": ({ info }) => {
      if (info.role !== "assistant" || !info.tokens) return;
      const { input, output, reasoning, cache } = info.tokens;
      messages.set(info.id, {
        input: input + (cache?.read ?? 0) + (cache?.write ?? 0),
        output: output + (reasoning ?? 0),
        cost: info.cost ?? 0,
      });
      if (info.time?.completed) tell("message.completed", used());
    },
    "message.part.updated": ({ part }) => {
      if (part.type === "text" && part.sessionID === root && messages.has(part.messageID)) words = part.text;
    },
  };

  return {
    event: async ({ event }) => {
      try {
        handlers[event.type]?.(event.properties);
      } catch {
        // An event of another form says nothing.
      }
    },
  };
};
