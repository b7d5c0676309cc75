import type { Report } from "./report.ts";
export interface PageOptions {
  readonly colors: boolean;
  readonly columns: number;
}
export function pageOf(_r: Report, _o: PageOptions): string {
  return "";
}
