import { createPromptModule } from "inquirer";
import { StratctlError } from "@stratctl/sdk";

/** Questions to somebody at a terminal. */
export interface Ask {
  /** A line of text. `check` says what is wrong with it, or null. */
  text(question: {
    message: string;
    initial?: string | undefined;
    check?: (text: string) => string | null | Promise<string | null>;
  }): Promise<string>;
  /** One of some. */
  choose<T>(question: { message: string; choices: readonly { name: string; value: T; description?: string }[] }): Promise<T>;
  confirm(question: { message: string; initial: boolean }): Promise<boolean>;
}

/** Questions over these streams; Ctrl-C in one is the same as anywhere else. */
export function openAsk(streams: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream; signal: AbortSignal }): Ask {
  const prompt = createPromptModule(streams);
  return {
    async text({ message, initial, check }) {
      const { answer } = await unlessLeft(
        prompt<{ answer: string }>([
          {
            type: "input",
            name: "answer",
            message,
            ...(initial === undefined ? {} : { default: initial }),
            validate: async (text: string) => (await check?.(text)) ?? true,
          },
        ]),
      );
      return answer;
    },
    async choose({ message, choices }) {
      const { answer } = await unlessLeft(
        prompt<{ answer: number }>([
          {
            type: "select",
            name: "answer",
            message,
            choices: choices.map(({ name, description }, value) => ({
              name,
              value,
              ...(description === undefined ? {} : { description }),
            })),
          },
        ]),
      );
      const chosen = choices[answer];
      if (chosen === undefined) throw new StratctlError("internal", "a choice that was not offered");
      return chosen.value;
    },
    async confirm({ message, initial }) {
      const { answer } = await unlessLeft(prompt<{ answer: boolean }>([{ type: "confirm", name: "answer", message, default: initial }]));
      return answer;
    },
  };
}

async function unlessLeft<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (cause) {
    const left = cause instanceof Error && (cause.name === "ExitPromptError" || cause.name === "AbortPromptError");
    throw left ? new StratctlError("interrupted", "interrupted", { cause }) : cause;
  }
}
