// Lists, splits, asks for a funnel and deletes with the client that was generated from the document.
//
// Arguments: the server, a project, a key, two names of events, and the distinct id of a person with two. Prints one
// JSON object.
import createClient from "openapi-fetch";
import type { components, paths } from "./persons.js";

type Schemas = components["schemas"];
type Person = Schemas["PersonListRow"];

// All that is used of Node; its types are a package larger than this test.
declare const process: { argv: string[] };
declare const console: { log(text: string): void };

const [, , server, project_id, key, first, second, distinct_id] = process.argv as [
  string, string, string, string, string, string, string, string,
];
const client = createClient<paths>({ baseUrl: server, headers: { Authorization: `Bearer ${key}` } });

// What the document calls an error is none of what is expected here.
function expected<T>(answer: { data?: T; error?: Schemas["Error"] }): T {
  if (answer.data === undefined) throw new Error(answer.error?.detail);
  return answer.data;
}

async function listed(distinct_id: string): Promise<Person[]> {
  const page = expected(
    await client.GET("/api/projects/{project_id}/persons/", {
      params: { path: { project_id }, query: { distinct_id } },
    }),
  );
  if (typeof page === "string" || "cursor" in page) throw new Error("not a page of persons");
  return page.results;
}

const events: Schemas["FunnelEvent"][] = [
  { id: first, order: 0, properties: [{ key: "plan", value: "team", operator: "exact", type: "person" }] },
  { id: second, order: 1 },
];

async function counts(): Promise<number[]> {
  const { data, error } = await client.POST("/api/projects/{project_id}/insights/funnel/", {
    params: { path: { project_id } },
    body: { events },
  });
  if (data === undefined) throw new Error(error.detail);
  if (typeof data === "string" || !("result" in data) || !Array.isArray(data.result)) throw new Error("not the steps of a funnel");
  return data.result.map((step) => ("action_id" in step ? step.count : -1));
}

async function finishers(): Promise<string[]> {
  const { data, error } = await client.POST("/api/projects/{project_id}/persons/funnel/", {
    params: { path: { project_id } },
    body: { events, funnel_step: 2 },
  });
  if (data === undefined) throw new Error(error.detail);
  if (typeof data === "string" || !("results" in data)) throw new Error("not persons of a funnel");
  return data.results.flatMap(({ people }) =>
    people.flatMap((one) => (one.type === "person" ? one.distinct_ids : [])),
  );
}

async function split(person: Person): Promise<boolean> {
  const done = expected(
    await client.POST("/api/projects/{project_id}/persons/{id}/split/", {
      params: { path: { project_id, id: person.uuid } },
      body: { main_distinct_id: person.distinct_ids[0] },
    }),
  );
  if (!("success" in done)) throw new Error("not a split");
  return done.success;
}

async function deleted(distinct_ids: string[]): Promise<Schemas["PersonBulkDeleteResponse"]> {
  const done = expected(
    await client.POST("/api/projects/{project_id}/persons/bulk_delete/", {
      params: { path: { project_id } },
      body: { distinct_ids },
    }),
  );
  if (!("persons_deleted" in done)) throw new Error("not a deletion");
  return done;
}

const [person] = await listed(distinct_id);
if (person === undefined) throw new Error("nobody");
const funnel = await counts();
const reached = await finishers();
const isSplit = await split(person);
const left: string[][] = [];
for (const name of person.distinct_ids) {
  for (const one of await listed(name)) left.push(one.distinct_ids);
}
const gone = await deleted([distinct_id, "nobody"]);
console.log(
  JSON.stringify({
    distinct_ids: person.distinct_ids,
    plan: person.properties.plan,
    funnel,
    finishers: reached,
    split: isSplit,
    "after split": left,
    deleted: gone.persons_deleted,
    unmatched: gone.unmatched_distinct_ids,
  }),
);
