/** What the dashboard is told, as the contract generates it. */
export type {
  InstanceMetrics,
  MetricsColumns,
  MetricsHistory,
  MetricsPoint,
  MetricsSample,
  Quantiles,
  RunningRun,
} from './generated/types.gen'
