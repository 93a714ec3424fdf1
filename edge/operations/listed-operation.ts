import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';

/** What the list shows of an announcement. */
export function listedOperation(announcement: OperationAnnouncement): ListedOperation {
  const { inputCheck = true, inputCheckIsWhole = false, ...listed } = announcement;
  const atLeast = inputCheck === true ? 'nothing' : 'parts';
  return { ...listed, edgeChecks: inputCheckIsWhole ? 'whole' : atLeast };
}
