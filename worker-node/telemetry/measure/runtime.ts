import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import { STATE_METRICS } from './definitions/state.ts';
import type { Instruments, Readings } from './instruments.ts';

const NANOSECONDS = 1e9;
const { loopDelay, loopUtilization, heapUsed, heapLimit } = STATE_METRICS;
const GAUGES = { loopDelay, loopUtilization, heapUsed, heapLimit };

/** Shows how this process is: its event loop and its heap. Each reading begins a new period for the event loop. */
export class RuntimeMetrics {
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });
  #utilization = performance.eventLoopUtilization();

  constructor(instruments: Instruments) {
    this.#delay.enable();
    instruments.gauges(GAUGES, () => this.#read());
  }

  stop(): void {
    this.#delay.disable();
  }

  #read(): Readings<keyof typeof GAUGES> {
    const { utilization } = performance.eventLoopUtilization(this.#utilization);
    this.#utilization = performance.eventLoopUtilization();
    const delay = this.#delay.count === 0 ? 0 : this.#delay.percentile(99) / NANOSECONDS;
    this.#delay.reset();
    return {
      loopDelay: [[delay]],
      loopUtilization: [[utilization]],
      heapUsed: getHeapSpaceStatistics().map(({ space_name, space_used_size }) => [
        space_used_size,
        { 'v8js.heap.space.name': space_name },
      ]),
      heapLimit: [[getHeapStatistics().heap_size_limit]],
    };
  }
}
