'use client'

import { CopyButton } from '../CopyButton'

const WAYS = [
  {
    title: 'Any OpenAI-compatible server',
    text: 'OpenAI itself, or Ollama, vLLM, llama.cpp …',
    snippet: 'export OPENAI_BASE_URL=https://api.openai.com/v1\nexport OPENAI_API_KEY=sk-…',
  },
  {
    title: 'A model file on this machine',
    text: 'Any instruct model in the GGUF format.',
    snippet: 'export WEIR_LOCAL_MODEL=/path/to/model.gguf',
  },
]

/** The ways to a larger model, each with lines to copy. */
export function ModelSetup() {
  return (
    <div className="flex flex-col gap-4">
      <p className="leading-5">
        Set one of these where the server runs, and start it again. Your conversations stay.
      </p>
      {WAYS.map(({ title, text, snippet }) => (
        <section key={title}>
          <h3 className="font-medium">{title}</h3>
          <p className="mb-2 text-[0.8125rem] text-muted-foreground">{text}</p>
          <Snippet text={snippet} />
        </section>
      ))}
    </div>
  )
}

/** Lines for a terminal, with a button that copies them. */
export function Snippet({ text }: { text: string }) {
  return (
    <div className="flex items-start gap-1 rounded-lg border bg-code p-1 pl-3 text-code-foreground">
      <pre className="min-w-0 flex-1 py-1.5 font-mono text-xs leading-5 [overflow-wrap:anywhere] whitespace-pre-wrap">
        {text.split('\n').map((line) => (
          <SnippetLine key={line} line={line} />
        ))}
      </pre>
      <CopyButton text={() => text} label="Copy these lines" />
    </div>
  )
}

/** One line, which breaks after its `=` rather than within a name, and hangs then. */
function SnippetLine({ line }: { line: string }) {
  const value = line.indexOf('=') + 1
  return (
    <span className="block pl-4 -indent-4">
      {line.slice(0, value)}
      {value > 0 && <wbr />}
      {line.slice(value)}
      {'\n'}
    </span>
  )
}
