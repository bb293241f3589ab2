"""A GPT that overfits one sentence, from nothing. What is judged is how it behaves, so these names must be there:

train(text, steps=..., lr=..., seed=0) -> (model, tokenizer, losses)   one float a step; steps=0 trains nothing
generate(model, tokenizer, prompt, max_new_tokens) -> str              greedy; the prompt is included
model(idx)                                 an nn.Module; idx (B, T) int64 gives logits (B, T, vocab) for all T
tokenizer.encode(str) -> list[int];  tokenizer.decode(list[int]) -> str

Texts have at most 120 characters of ASCII, new lines among them; the context must hold 128 tokens.
"""

SENTENCE = "attention is a soft lookup over the past"


if __name__ == "__main__":
    model, tokenizer, losses = train(SENTENCE)
    for step in range(0, len(losses), 10):
        print(f"step {step:3d}  loss {losses[step]:.4f}")
    print(generate(model, tokenizer, SENTENCE[:8], len(SENTENCE) - 8))
