import { Validator } from '@cfworker/json-schema'
import type { RJSFSchema, ValidatorType } from '@rjsf/utils'

/**
 * What the form needs to know of schemas. Whether arguments may be sent is the server's to judge, so that there is one
 * judge only; the form itself asks which of several alternatives a value is. It does so without `eval`, which the
 * page's content security policy forbids.
 */
export const validator: ValidatorType<Record<string, unknown>> = {
  validateFormData: () => ({ errors: [], errorSchema: {} }),
  isValid: (schema, data, root) => {
    try {
      return new Validator(withDefinitions(schema, root), '2020-12').validate(data).valid
    } catch {
      // Not a schema that anything could fit.
      return false
    }
  },
  rawValidation: () => ({ errors: [] }),
}

/** A part of a schema refers to what stands at its root. */
function withDefinitions(schema: RJSFSchema, root: RJSFSchema): object {
  const { $defs, definitions } = root
  return { ...schema, ...($defs && { $defs }), ...(definitions && { definitions }) }
}
