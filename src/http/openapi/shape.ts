/** A JSON Schema (2020-12), as far as this folder looks into one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface DescribedMedia {
  readonly schema: JsonSchema;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

export interface DescribedResponse {
  readonly description: string;
  readonly headers?: JsonSchema;
  readonly links?: JsonSchema;
  readonly content: Readonly<Record<string, DescribedMedia>>;
}

/** An operation or a webhook of OpenAPI. */
export interface DescribedOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security?: readonly [];
  readonly parameters?: readonly JsonSchema[];
  readonly requestBody?: { readonly required: true; readonly content: Readonly<Record<string, DescribedMedia>> };
  readonly responses: Readonly<Record<string, DescribedResponse>>;
}
