/** What `ops/` holds, read: rules, and the panels of the dashboard with their queries. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export const OPS = new URL('../../ops/', import.meta.url).pathname;

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Target {
  readonly refId: string;
  readonly expr: string;
  readonly legendFormat?: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly datasource?: { readonly uid: string };
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } };
  readonly targets?: readonly Target[];
}

export interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly {
      readonly name: string;
      readonly query: unknown;
      readonly type: string;
    }[];
  };
}

export function rules(): readonly Rule[] {
  const file = parse(readFileSync(`${OPS}prometheus/rules.yaml`, 'utf8')) as {
    groups: { rules: Rule[] }[];
  };
  return file.groups.flatMap((group) => group.rules);
}

export function dashboard(): Dashboard {
  return JSON.parse(readFileSync(`${OPS}grafana/mlcache.json`, 'utf8')) as Dashboard;
}

/** Panels that ask something; rows do not. */
export function panels(): readonly (Panel & { readonly targets: readonly Target[] })[] {
  return dashboard().panels.flatMap((panel) =>
    panel.targets ? [{ ...panel, targets: panel.targets }] : [],
  );
}
