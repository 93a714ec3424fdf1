import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import type { QuotaSettings } from '../../access/quotas.ts';
import type { BrokerSession } from '../../nats/broker-session.ts';

/** How much of the store the jobs of one tenant may take: by the setting of the edge, or else as `throughline setup` has said in NATS. */
export class TenantShare {
  /** The settings of the edge, with the share. */
  settings: QuotaSettings;
  readonly #own: QuotaSettings;

  /** @param own the settings of the edge */
  constructor(own: QuotaSettings) {
    this.settings = own;
    this.#own = own;
  }

  /** Asks NATS for the share, if the edge has no setting. Without an answer the share stays as it is. Never throws. */
  async learn(session: Pick<BrokerSession, 'extent'>): Promise<void> {
    if (this.#own.TENANT_MAX_STORED_BYTES !== undefined) return;
    const extent = await session.extent(EVENTS_STREAM).catch(() => undefined);
    if (extent !== undefined) this.settings = { ...this.#own, TENANT_MAX_STORED_BYTES: extent.tenantShare };
  }
}
