// asciichart comes without types; this is the part of it that chart.ts calls.
declare module "asciichart" {
  export function plot(
    series: readonly number[],
    options: { min: number; max: number; height: number; offset: number; format: (value: number) => string },
  ): string;
}
