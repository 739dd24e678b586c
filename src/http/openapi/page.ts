import { readFileSync } from 'node:fs';
import { EVENT_TYPES } from '../../payment/index.ts';
import { type Html, html } from '../cashier/html.ts';
import { statusOf } from '../problem.ts';
import { PROBLEMS, type ProblemCode } from '../problem-list.ts';
import { markdownHtml } from '../status/markdown.ts';
import type { OpenApiDocument } from './document.ts';
import { REQUEST_EXAMPLES, WEBHOOK_EXAMPLES } from './examples.ts';
import { OPERATIONS, type Operation, TAGS } from './operations.ts';
import { fieldsHtml, jsonHtml, textHtml } from './page-schema.ts';
import type { DescribedResponse } from './shape.ts';
import { EVENT_WORDS, INTRODUCTION } from './words.ts';

export const docsCss = readFileSync(new URL('../assets/docs.css', import.meta.url), 'utf8');

/** The description as one page that needs no script and loads nothing but its style sheet. */
export function docsPage(document: OpenApiDocument, publicUrl: string): string {
  const base = (URL.parse(publicUrl)?.pathname ?? '').replace(/\/+$/, '');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${document.info.title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${base}/docs/docs.css">
</head>
<body>
${navigation(base)}
<main>
<header id="top"><h1>${document.info.title}</h1><p class="server">${publicUrl}</p>${markdownHtml(INTRODUCTION)}</header>
${Object.entries(TAGS).map(([tag, words]) => tagSection(tag, words, document, publicUrl))}
${webhooksSection(document)}
${errorsSection()}
${schemasSection(document)}
</main>
</body>
</html>
`.safeHtml;
}

function navigation(base: string): Html {
  const link = ({ id, method, summary }: Operation) =>
    html`<li><a href="#${id}"><b class="${method}">${method.toUpperCase()}</b> ${summary}</a></li>`;
  const groups = Object.keys(TAGS).map(
    (tag) => html`<h2>${tag}</h2><ul>${OPERATIONS.filter((one) => one.tag === tag).map(link)}</ul>`,
  );
  return html`<nav aria-label="Contents"><details class="contents" open><summary><b>Contents</b></summary>
<ul><li><a href="#top">Before you start</a></li></ul>${groups}
<h2>More</h2><ul><li><a href="#webhooks">What is sent to you</a></li><li><a href="#errors">Errors</a></li>
<li><a href="#schemas">Shapes</a></li><li><a href="${base}/openapi.json">openapi.json</a></li></ul></details></nav>`;
}

function tagSection(tag: string, words: string, document: OpenApiDocument, publicUrl: string): Html {
  const own = OPERATIONS.filter((operation) => operation.tag === tag);
  return html`<section class="tag"><h2>${tag}</h2><p>${words}</p>${own.map((one) => operationArticle(one, document, publicUrl))}</section>`;
}

function operationArticle(operation: Operation, document: OpenApiDocument, publicUrl: string): Html {
  const { id, method, path, summary, description, body } = operation;
  const described = document.paths[path]?.[method];
  const parameters = (described?.parameters ?? []).map((one) => resolved(document, one));
  return html`<article id="${id}">
<h3><a href="#${id}">${summary}</a></h3>
<p class="route"><b class="${method}">${method.toUpperCase()}</b> <code>${path}</code></p>
${textHtml(description)}
${parameters.length === 0 ? null : html`<h4>Parameters</h4>${fieldsHtml(parametersAsFields(parameters), document.components.schemas)}`}
${body === undefined ? null : html`<h4>Body <small><a href="#schema-${body}">${body}</a></small></h4>${fieldsHtml(document.components.schemas[body] ?? {}, document.components.schemas)}`}
<h4>Try it</h4>
<pre><code>${curlOf(operation, publicUrl)}</code></pre>
${answersOf(operation, document)}
</article>`;
}

function answersOf({ answer, success, method, path }: Operation, document: OpenApiDocument): Html {
  const responses = document.paths[path]?.[method]?.responses ?? {};
  const rows = Object.entries(responses).map(([status, response]) => {
    const good = success[Number(status)] !== undefined;
    const shape = good ? html` <a href="#schema-${answer}">${answer}</a>` : null;
    return html`<tr class="${good ? 'good' : 'bad'}"><td>${status}</td><td>${good ? html`${response.description}${shape}` : codesHtml(response)}</td></tr>`;
  });
  const [first] = Object.keys(success);
  const example = responses[first ?? '']?.content['application/json']?.examples?.answer?.value;
  return html`<h4>Answers</h4><table class="answers"><tbody>${rows}</tbody></table>
${example === undefined ? null : html`<details><summary>An answer</summary>${jsonHtml(example)}</details>`}`;
}

function codesHtml(response: DescribedResponse): Html {
  const { properties } = response.content['application/problem+json']?.schema ?? {};
  const codes = (properties as { readonly code?: { readonly enum: readonly string[] } } | undefined)?.code?.enum ?? [];
  return html`${codes.map((code) => html`<a href="#error-${code}"><code>${code}</code></a> `)}`;
}

/** A command that works as it stands where the path needs no id. */
function curlOf({ id, method, path, query }: Operation, publicUrl: string): string {
  const [example] = Object.values(REQUEST_EXAMPLES[id] ?? {});
  const url = `${publicUrl}${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => `$${name.toUpperCase()}`)}${query ? '?limit=2' : ''}`;
  const lines = [
    `curl ${method === 'post' && example === undefined ? '-X POST ' : ''}"${url}"`,
    `  -H "Authorization: Bearer $SECRET_KEY"`,
    ...(example === undefined ? [] : [`  -H "Content-Type: application/json"`, `  -d '${JSON.stringify(example)}'`]),
  ];
  return lines.join(' \\\n');
}

function webhooksSection(document: OpenApiDocument): Html {
  const example = document.webhooks[EVENT_TYPES[0]];
  const headers = fieldsHtml(parametersAsFields(example?.post.parameters ?? []), document.components.schemas);
  return html`<section class="tag" id="webhooks"><h2>What is sent to you</h2>
${textHtml(String(example?.post.description))}
<h4>Types</h4>
<table class="answers types"><tbody>${EVENT_TYPES.map((type) => html`<tr><td><code>${type}</code></td><td>${EVENT_WORDS[type]}.</td></tr>`)}</tbody></table>
<h4>Headers</h4>${headers}
<h4>Body</h4>
<p>An envelope around a <a href="#schema-Payment">Payment</a>; of a refund's event, around a <a href="#schema-PaymentWithRefund">PaymentWithRefund</a>.</p>
${Object.values(WEBHOOK_EXAMPLES).map((one) => html`<details><summary><code>${one.type}</code></summary>${jsonHtml(one)}</details>`)}
</section>`;
}

function errorsSection(): Html {
  const row = (code: ProblemCode) => {
    const { title, cause, cure } = PROBLEMS[code];
    return html`<tr id="error-${code}"><td><code>${code}</code><br><small>${statusOf(code)}</small></td><td><b>${title}.</b> ${textHtml(cause)}</td><td>${textHtml(cure)}</td></tr>`;
  };
  return html`<section class="tag" id="errors"><h2>Errors</h2>
<p>Branch on <code>code</code>: it never changes. <code>risk_denied</code> is kept for later and not answered yet.</p>
<table class="errors"><thead><tr><th scope="col">Code</th><th scope="col">Why</th><th scope="col">What to do</th></tr></thead>
<tbody>${(Object.keys(PROBLEMS) as ProblemCode[]).map(row)}</tbody></table></section>`;
}

function schemasSection(document: OpenApiDocument): Html {
  const { schemas } = document.components;
  const bodies = new Set<string | undefined>(OPERATIONS.map(({ body }) => body));
  const entries = Object.entries(schemas).map(
    ([
      name,
      schema,
    ]) => html`<article id="schema-${name}"><h3><a href="#schema-${name}">${name}</a></h3>${textHtml(String(schema.description ?? ''))}
${bodies.has(name) ? html`<p>See the operation that takes it.</p>` : fieldsHtml(schema, schemas)}</article>`,
  );
  return html`<section class="tag" id="schemas"><h2>Shapes</h2><p>A field is always there unless it says <i>optional</i>.</p>${entries}</section>`;
}

type Described = Readonly<Record<string, unknown>>;

/** A parameter, or what it refers to. */
function resolved(document: OpenApiDocument, parameter: Described): Described {
  const name = /^#\/components\/parameters\/(\w+)$/.exec(String(parameter.$ref))?.[1];
  const parameters: Readonly<Record<string, Described>> = document.components.parameters;
  return name === undefined ? parameter : (parameters[name] ?? {});
}

function parametersAsFields(parameters: readonly Described[]): Described {
  return {
    properties: Object.fromEntries(
      parameters.map(({ name, in: place, description, schema }) => [
        `${name}`,
        {
          ...(schema as Described),
          description: `${description ?? ''}${place === 'query' ? '' : ` In the ${place}.`}`,
        },
      ]),
    ),
    required: parameters.filter(({ required }) => required === true).map(({ name }) => name),
  };
}
