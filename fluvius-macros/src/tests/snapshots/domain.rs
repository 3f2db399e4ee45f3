#[automatically_derived]
impl ::fluvius::__private::Sealed for TransactionManagerDomain {}
#[automatically_derived]
impl ::fluvius::__private::Domain for TransactionManagerDomain {
    const METADATA: &'static ::fluvius::__private::DomainMetadata = &::fluvius::__private::DomainMetadata {
        namespace: "transaction-manager",
        title: "Transaction Manager Domain",
        description: "Domain for managing bank account transactions.",
        tags: &["banking", "finance"],
        revision: 1u32,
        type_name: "TransactionManagerDomain",
        location: ::fluvius::__private::location!(),
    };
    const AGGREGATES: &'static [&'static ::fluvius::__private::AggregateDescriptor] = &[
        <Account as ::fluvius::__private::OneBlockForEachType>::DESCRIPTOR,
        <crate::Ledger as ::fluvius::__private::OneBlockForEachType>::DESCRIPTOR,
    ];
}
::fluvius::__private::submit! {
    ::fluvius::__private::Registration::domain(< TransactionManagerDomain as
    ::fluvius::__private::Domain > ::METADATA, < TransactionManagerDomain as
    ::fluvius::__private::Domain > ::AGGREGATES)
}
