export interface Turn {
  readonly ms: number;
  /** Share of the best pace of its processor. */
  readonly pace: number;
}
export declare function atPace(take: () => Promise<Turn>, quick?: boolean): Promise<Turn>;
